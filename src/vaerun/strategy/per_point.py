"""φ_i from a table Φ: the common part of coordinate and joint ascent."""

import math
from abc import ABC
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from vaerun.bound.bound import Bound
from vaerun.bound.lowest_variance import lowest_variance_elbo
from vaerun.config.ranges import at_least
from vaerun.errors import RunError
from vaerun.execution import parallel
from vaerun.local.phi_table import PhiTable
from vaerun.local.solver import LocalSolver, Solution
from vaerun.metric.metric import Metric
from vaerun.notation import Batch, Estimate
from vaerun.strategy.base import Inference, MakeOptimizer, Strategy
from vaerun.strategy.metrics import GAIN_LEFT, INNER_CONVERGED, INNER_STEPS
from vaerun.strategy.phi_init.base import InitialPhi, PhiInit

STORED = ("train", "valid")  # the splits with a table; test points are evaluated only once
NEAR = 1 / 3  # standard errors of the mean ELBO: the ascents of a validation end when less is left to gain on average
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

    At a validation, the ascents of the validation points continue from the φ_i of the last validation, unless
    ``phi_init`` starts anew. From the second validation on, ascents that continue also end when what is left to gain,
    on average over the points, is estimated to be below a third of the standard error of the mean ELBO of all
    validation points. The result is a bound at any φ; it is about so much lower than after the complete ascents of all
    other evaluations.

    Args:
        bound: L(x; θ, φ).
        solver: φ* ≈ argmax_φ L(x; θ, φ).
        optimizer: makes the optimiser of θ.
        num_points: N of each split, by name.
        phi_init: the initial φ of a visit.
        test_steps: the step limit of the solver for points that are not used in training.
        phi_memory: where Φ is: ram, map or auto, as ``PhiTable`` takes it.

    Raises:
        UserError: ``test_steps`` < 1, or Φ does not fit.
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
        phi_memory: str,
    ) -> None:
        super().__init__(bound=bound, shared=BoundWithAuxiliary(bound, phi_init), optimizer=optimizer)
        at_least("strategy.test_steps", test_steps, 1)
        self.solver, self.phi_init = solver, phi_init
        self.valid_is_current = False  # whether a validation has stored φ since the last step
        self.held_out_solver = solver.over(lowest_variance_elbo(bound, num_samples=SAMPLES))
        self.test_steps = test_steps
        # The rows of Φ are on the device of the model.
        self.initial = bound.family.initial().to(next(bound.model.parameters()).device)
        self.tables = nn.ModuleDict(
            {
                f"phi_{split}": PhiTable(
                    num_points=n, initial=self.initial, optimizer=solver.optimizer, memory=phi_memory
                )
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
        self.valid_is_current = False
        return start

    def held_out(self, x: Tensor, index: Tensor | None, split: str) -> InitialPhi:
        """The initial φ of points that are not used in training: from the stored one, if there is one."""
        if index is None or split not in STORED:
            phi = self.initial.expand(len(x), -1)
            new = torch.ones(len(x), dtype=torch.bool, device=x.device)
            return self.phi_init(x, phi, self.solver.optimizer.init(phi), new)
        table = self.table(split)
        return self.phi_init(x, *table.read(index), table.new(index))

    @torch.no_grad()
    def infer(self, x: Tensor, index: Tensor | None = None, split: str = "new") -> Inference:
        if index is not None and split == "train":
            _, foreign = self.table(split).places(index)
            if foreign is not None and len(foreign):
                raise RunError(
                    "φ of these training points is stored by another process: compute with OverPoints.over, which "
                    "gives each process its own points, or use execution.devices=1."
                )
            return Inference(self.table(split).read(index)[0])
        start = self.held_out(x, index, split)
        solution = self.held_out_solver(x, start.phi, start.state, max_steps=self.test_steps)
        return Inference(solution.phi, {**effort(solution), **start.diagnostics}, solution.state)

    @torch.no_grad()
    def infer_and_store(self, x: Tensor, index: Tensor, split: str) -> Inference:
        if split != "valid":
            return self.infer(x, index, split)
        start, table = self.held_out(x, index, split), self.table(split)
        near = 0.0
        if not bool(table.new(index).any()) and torch.equal(start.phi, table.read(index)[0]):
            elbo = self.held_out_solver.bound.rewards(x, start.phi, SAMPLES).mean(0)
            validated = int(table.visited.sum()) * parallel.size()
            near = NEAR * float(elbo.std(correction=0)) / math.sqrt(validated)
        solution = self.held_out_solver(x, start.phi, start.state, max_steps=self.test_steps, mean_tolerance=near)
        table.write(index, solution.phi, solution.state)
        self.valid_is_current = True
        found = {"inner_steps": solution.steps.float(), GAIN_LEFT.name: solution.left}
        return Inference(solution.phi, {**found, **start.diagnostics}, solution.state)

    @torch.no_grad()
    def current(self, x: Tensor, index: Tensor) -> Tensor:
        if not self.valid_is_current:
            return self.infer(x).phi
        table = self.table("valid")
        phi, new = table.read(index)[0], table.new(index)
        if bool(new.any()):
            phi[new] = self.infer(x[new]).phi
        return phi


def effort(solution: Solution) -> dict[str, Tensor]:
    """The number of steps of each point and whether it converged, each Float[Tensor, "B"]."""
    return {"inner_steps": solution.steps.float(), "inner_converged": solution.converged.float()}
