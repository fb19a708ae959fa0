"""φ_i from a table Φ: the common part of coordinate and joint ascent."""

from abc import ABC
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from vaerun.bound.bound import Bound
from vaerun.bound.lowest_variance import lowest_variance_elbo
from vaerun.config.ranges import at_least
from vaerun.errors import RunError
from vaerun.local.phi_table import PhiTable
from vaerun.local.solver import LocalSolver, Solution
from vaerun.metric.metric import Metric
from vaerun.notation import Batch, Estimate
from vaerun.strategy.base import Inference, MakeOptimizer, Strategy
from vaerun.strategy.metrics import GAIN_LEFT, INNER_CONVERGED, INNER_STEPS
from vaerun.strategy.phi_init.base import InitialPhi, PhiInit

STORED = ("train", "valid")  # the splits with a table; test points are evaluated only once
SAMPLES = 2  # K of a step for points that are not used in training: the fewest that every estimator can use


class BoundWithAuxiliary(nn.Module):
    """L(x; θ, φ) + the training term of the initial φ, which is trained with the φ that a visit finds.

    Args:
        bound: L.
        phi_init: (x, stored φ) ↦ initial φ.
    """

    def __init__(self, bound: Bound, phi_init: PhiInit) -> None:
        super().__init__()
        self.bound, self.phi_init = bound, phi_init

    def forward(self, x: Tensor, phi: Tensor) -> Estimate:
        estimate = self.bound(x, phi)
        return estimate._replace(surrogate=estimate.surrogate + self.phi_init.training_term(x, phi))


class PerPoint(Strategy, ABC):
    """max_{θ, φ_1, …, φ_N} Σ_i L(x_i; θ, φ_i): every point has its own φ_i, a row of a table Φ for train and for valid.

    For points that were not used in training, φ is found by the local solver. It maximises the ELBO with the
    lowest-variance estimator that q supports, whatever was used in training, so that evaluations of different runs are
    comparable. ``phi_init`` gives the initial φ, at a training visit and at an evaluation.

    Args:
        bound: L(x; θ, φ).
        solver: φ* ≈ argmax_φ L(x; θ, φ).
        optimizer: makes the optimiser of θ.
        num_points: N of each split, by name.
        phi_init: the initial φ of a visit.
        test_steps: the step limit of the solver for points that are not used in training.

    Raises:
        UserError: ``test_steps`` < 1.
    """

    per_point: ClassVar[bool] = True
    metrics: ClassVar[tuple[Metric, ...]] = (INNER_STEPS, INNER_CONVERGED, GAIN_LEFT)

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
        # The rows of Φ are on the device of the model.
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
        return {**super().num_parameters(), "phi": self.table("train").num_points * self.initial.numel()}

    def begin(self, batch: Batch) -> InitialPhi:
        """The initial φ of training points; adds its evaluations to the counts."""
        table = self.table("train")
        start = self.phi_init(batch.x, *table.read(batch.index), table.new(batch.index))
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
            _, foreign = self.table(split).places(index)
            if foreign is not None and len(foreign):
                raise RunError(
                    "φ of these training points is stored by another process: compute with OverPoints.over, which "
                    "gives each process its own points, or use execution.devices=1."
                )
            return Inference(self.table(split).read(index)[0])
        else:
            table = self.table(split)
            start = self.phi_init(x, *table.read(index), table.new(index))
        solution = self.held_out_solver(x, start.phi, start.state, max_steps=self.test_steps)
        return Inference(solution.phi, {**effort(solution), **start.diagnostics}, solution.state)

    def infer_and_store(self, x: Tensor, index: Tensor, split: str) -> Inference:
        inference = self.infer(x, index, split)
        if inference.state is not None and split in STORED:
            self.table(split).write(index, inference.phi, inference.state)
        return inference


def effort(solution: Solution) -> dict[str, Tensor]:
    """The number of steps of each point and whether it converged, each Float[Tensor, "B"]."""
    return {"inner_steps": solution.steps.float(), "inner_converged": solution.converged.float()}
