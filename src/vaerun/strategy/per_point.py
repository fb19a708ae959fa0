"""φ_i from a table: what coordinate and joint ascent have in common."""

from abc import ABC
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from vaerun.bound.bound import Bound
from vaerun.bound.lowest_variance import lowest_variance_elbo
from vaerun.config.ranges import at_least
from vaerun.local.phi_table import PhiTable
from vaerun.local.solver import LocalSolver, Solution
from vaerun.notation import Batch, Estimate
from vaerun.strategy.base import Inference, MakeOptimizer, Strategy
from vaerun.strategy.phi_init.base import InitialPhi, PhiInit

STORED = ("train", "valid")  # splits with a table: the test points are evaluated once
SAMPLES = 2  # K of a step for a point that is not trained on: the fewest that every estimator can do with


class BoundWithAuxiliary(nn.Module):
    """L(x; θ, φ), and beside it what the start learns from the φ found at a visit.

    Args:
        bound: L.
        phi_init: where ascents start.
    """

    def __init__(self, bound: Bound, phi_init: PhiInit) -> None:
        super().__init__()
        self.bound, self.phi_init = bound, phi_init

    def forward(self, x: Tensor, phi: Tensor) -> Estimate:
        estimate = self.bound(x, phi)
        return estimate._replace(surrogate=estimate.surrogate + self.phi_init.training_term(x, phi))


class PerPoint(Strategy, ABC):
    """Every point has variational parameters φ_i of its own, rows of one table Φ for each of train and valid.

    For points that were not used in training, φ is found by the local solver. It maximises the ELBO with the
    lowest-variance estimator that q supports, whatever was used in training, so that evaluations of different runs are
    comparable. ``phi_init`` chooses where an ascent starts, at a visit or at an evaluation.

    Args:
        bound: L(x; θ, φ).
        solver: φ* ≈ argmax_φ L(x; θ, φ).
        optimizer: makes θ's optimiser.
        num_points: N of each split, by name.
        phi_init: where a point's ascent starts.
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
        phi_init: PhiInit,
        test_steps: int,
    ) -> None:
        super().__init__(bound=bound, shared=BoundWithAuxiliary(bound, phi_init), optimizer=optimizer)
        at_least("strategy.test_steps", test_steps, 1)
        self.solver, self.phi_init = solver, phi_init
        self.held_out_solver = solver.over(lowest_variance_elbo(bound, num_samples=SAMPLES))
        self.test_steps = test_steps
        # A parameter of the model says on which device the rows have to be.
        self.initial = bound.family.initial().to(next(bound.model.parameters()).device)
        self.tables = nn.ModuleDict(
            {
                f"phi_{split}": PhiTable(num_points=n, initial=self.initial, optimizer=solver.optimizer)
                for split, n in num_points.items()
                if split in STORED
            }
        )

    def table(self, split: str) -> PhiTable:
        """Φ of a split."""
        table = self.tables[f"phi_{split}"]
        assert isinstance(table, PhiTable)
        return table

    def num_parameters(self) -> dict[str, int]:
        return {**super().num_parameters(), "phi": self.table("train").phi.numel()}

    def begin(self, batch: Batch) -> InitialPhi:
        """Where the ascent of training points starts, counted."""
        table = self.table("train")
        start = self.phi_init(batch.x, *table.read(batch.index), ~table.visited.index_select(0, batch.index))
        self.decoder_evaluations += start.decoder_evaluations
        self.encoder_evaluations += start.encoder_evaluations
        return start

    @torch.no_grad()
    def infer(self, x: Tensor, index: Tensor | None = None, split: str = "new") -> Inference:
        if index is None or split not in STORED:
            phi = self.initial.expand(len(x), -1)
            new = torch.ones(len(x), dtype=torch.bool, device=x.device)
            start = self.phi_init(x, phi, self.solver.optimizer.init(phi), new)
        elif split == "train":
            return Inference(self.table(split).read(index)[0])
        else:
            table = self.table(split)
            start = self.phi_init(x, *table.read(index), ~table.visited.index_select(0, index))
        solution = self.held_out_solver(x, start.phi, start.state, max_steps=self.test_steps)
        return Inference(solution.phi, {**effort(solution), **start.diagnostics}, solution.state)

    def infer_and_store(self, x: Tensor, index: Tensor, split: str) -> Inference:
        inference = self.infer(x, index, split)
        if inference.state is not None and split in STORED:
            self.table(split).write(index, inference.phi, inference.state)
        return inference


def effort(solution: Solution) -> dict[str, Tensor]:
    """Steps each point took and whether it converged, by quantity, each Float[Tensor, "B"]."""
    return {"inner_steps": solution.steps.float(), "inner_converged": solution.converged.float()}
