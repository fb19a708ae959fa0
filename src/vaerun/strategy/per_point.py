"""φ_i from a table: what coordinate and joint ascent have in common."""

from abc import ABC
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from vaerun.bound import Bound
from vaerun.elbo_bound import elbo_bound
from vaerun.errors import UserError
from vaerun.local.phi_table import PhiTable
from vaerun.local.solver import LocalSolver, Solution
from vaerun.notation import Batch, Estimate
from vaerun.strategy.base import Inference, MakeOptimizer, Strategy
from vaerun.strategy.start.base import Beginning, Start

SAMPLES = 2  # K of a step for a point that is not trained on: the fewest that every estimator can do with


class TaughtBound(nn.Module):
    """L(x; θ, φ), and beside it what the start learns from the φ found at a visit.

    Args:
        bound: L.
        start: where ascents start.
    """

    def __init__(self, bound: Bound, start: Start) -> None:
        super().__init__()
        self.bound, self.start = bound, start

    def forward(self, x: Tensor, phi: Tensor) -> Estimate:
        estimate = self.bound(x, phi)
        return estimate._replace(surrogate=estimate.surrogate + self.start.lesson(x, phi))


class PerPoint(Strategy, ABC):
    """Every point has variational parameters φ_i of its own, kept in one table Φ a split.

    Points never trained on get theirs from the solver, by ascent on the ELBO with the estimator of least noise that q
    allows, whatever was trained and how: figures are to tell θ and the effort apart, not gradients. Where an ascent
    starts, at a visit or an evaluation, is the ``start``'s to say.

    Args:
        bound: L(x; θ, φ).
        solver: φ* ≈ argmax_φ L(x; θ, φ).
        optimizer: makes θ's optimiser.
        num_points: N of each split, by name.
        start: where a point's ascent starts.
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
        start: Start,
        test_steps: int,
    ) -> None:
        super().__init__(bound=bound, shared=TaughtBound(bound, start), optimizer=optimizer)
        if test_steps < 1:
            raise UserError(f"strategy.test_steps={test_steps} leaves a new point without a φ: give 1 or more.")
        self.solver, self.start = solver, start
        # In a tuple, lest its weights, which are those of the bound, be saved twice.
        self.searching = (solver.over(elbo_bound(bound, num_samples=SAMPLES)),)
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

    def begin(self, batch: Batch) -> Beginning:
        """Where the ascent of training points starts, counted."""
        table = self.table("train")
        beginning = self.start(batch.x, *table.read(batch.index), ~table.visited.index_select(0, batch.index))
        self.decoder_evaluations += beginning.decoder_evaluations
        self.encoder_evaluations += beginning.encoder_evaluations
        return beginning

    @torch.no_grad()
    def infer(self, x: Tensor, index: Tensor | None = None, split: str = "new") -> Inference:
        if index is None:
            phi = self.initial.expand(len(x), -1)
            new = torch.ones(len(x), dtype=torch.bool, device=x.device)
            beginning = self.start(x, phi, self.solver.row_optimizer.init(phi), new)
        elif split == "train":
            return Inference(self.table(split).read(index)[0])
        else:
            table = self.table(split)
            beginning = self.start(x, *table.read(index), ~table.visited.index_select(0, index))
        (solver,) = self.searching
        solution = solver(x, beginning.phi, beginning.state, max_steps=self.test_steps)
        if index is not None:
            self.table(split).write(index, solution.phi, solution.state)
        return Inference(solution.phi, {**effort(solution), **beginning.diagnostics})


def effort(solution: Solution) -> dict[str, Tensor]:
    """Steps each point took and whether it converged, by quantity, each Float[Tensor, "B"]."""
    return {"inner_steps": solution.steps.float(), "inner_converged": solution.converged.float()}
