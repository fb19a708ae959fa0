"""φ_i from a table: what coordinate and joint ascent have in common."""

from abc import ABC
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from vaerun.bound import Bound
from vaerun.errors import UserError
from vaerun.local.phi_table import PhiTable
from vaerun.local.solver import LocalSolver, Solution
from vaerun.strategy.base import Inference, MakeOptimizer, Strategy


class PerPoint(Strategy, ABC):
    """Every point has variational parameters φ_i of its own, kept in one table Φ a split.

    Points never trained on get theirs from the solver, which starts where it ended at their last evaluation.

    Args:
        bound: L(x; θ, φ).
        solver: φ* ≈ argmax_φ L(x; θ, φ).
        optimizer: makes θ's optimiser.
        num_points: N of each split, by name.
        test_steps: the solver's limit for a point that is not trained on.

    Raises:
        UserError: ``test_steps`` < 1.
    """

    per_point: ClassVar[bool] = True

    def __init__(
        self,
        *,
        bound: Bound,
        solver: LocalSolver,
        optimizer: MakeOptimizer,
        num_points: Mapping[str, int],
        test_steps: int,
    ) -> None:
        super().__init__(bound=bound, shared=bound, optimizer=optimizer)
        if test_steps < 1:
            raise UserError(f"strategy.test_steps={test_steps} leaves a new point without a φ: give 1 or more.")
        self.solver = solver
        self.test_steps = test_steps
        # A parameter of the model says on which device the rows have to be.
        self.initial = bound.family.initial().to(next(bound.model.parameters()).device)
        self.tables = nn.ModuleDict(
            {
                f"phi_{split}": PhiTable(num_points=n, initial=self.initial, row_optimizer=solver.row_optimizer)
                for split, n in num_points.items()
            }
        )

    def table(self, split: str) -> PhiTable:
        """Φ of a split."""
        table = self.tables[f"phi_{split}"]
        assert isinstance(table, PhiTable)
        return table

    def num_parameters(self) -> dict[str, int]:
        return {**super().num_parameters(), "phi": self.table("train").phi.numel()}

    @torch.no_grad()
    def infer(self, x: Tensor, index: Tensor | None = None, split: str = "new") -> Inference:
        if index is None:
            phi = self.initial.expand(len(x), -1)
            solution = self.solver(x, phi, self.solver.row_optimizer.init(phi), max_steps=self.test_steps)
        elif split == "train":
            return Inference(self.table(split).read(index)[0])
        else:
            solution = self.solver(x, *self.table(split).read(index), max_steps=self.test_steps)
            self.table(split).write(index, solution.phi, solution.state)
        return Inference(solution.phi, effort(solution))


def effort(solution: Solution) -> dict[str, Tensor]:
    """Steps each point took and whether it converged, by quantity, each Float[Tensor, "B"]."""
    return {"inner_steps": solution.steps.float(), "converged": solution.converged.float()}
