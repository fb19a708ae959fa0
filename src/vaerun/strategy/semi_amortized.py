"""φ_0 = f_λ(x), then T ascent steps in φ; θ maximises the bound at φ_T."""

from typing import ClassVar

import torch
from torch import Tensor

from vaerun.amortizer.base import Amortizer
from vaerun.bound.bound import Bound
from vaerun.bound.lowest_variance import lowest_variance_elbo
from vaerun.config.ranges import at_least
from vaerun.local.solver import LocalSolver
from vaerun.metric.metric import Chart, Metric
from vaerun.notation import Batch, Estimate
from vaerun.strategy.base import Inference, MakeOptimizer
from vaerun.strategy.encoded import Encoded
from vaerun.strategy.encoder_loss.base import EncoderLoss
from vaerun.strategy.metrics import INFERENCE, INNER_CONVERGED, INNER_STEPS
from vaerun.strategy.per_point import SAMPLES, effort

REFINEMENT = Metric(
    "refinement",
    "not a bound: distance between the encoder's φ and the refined φ",
    chart=Chart(INFERENCE, "distance that refinement moves φ"),
)


class SemiAmortized(Encoded):
    """max_θ Σ_i L(x_i; θ, φ_T), φ_0 = f_λ(x_i) refined by T steps of the solver; λ is trained by ``encoder_loss``.

    No φ is stored: every visit starts at f_λ(x). The step size is that of ``local``; near the optimum, where f_λ(x)
    is, smaller steps are better than from the prior. For points that are not used in training, the solver maximises the
    ELBO with the lowest-variance estimator that q supports, as in per-point strategies.

    Args:
        bound: L(x; θ, φ).
        amortizer: f_λ.
        solver: refines φ.
        optimizer: makes the optimiser of θ and λ.
        encoder_loss: how λ is trained.
        steps: T; above ``local.window``, points that have converged stop earlier.
        test_steps: the step limit of the solver for points that are not used in training.

    Raises:
        UserError: a number of steps is below 1.

    Reference: Kim et al. 2018, Semi-amortized variational autoencoders, §3; Krishnan, Liang, Hoffman 2018.
    """

    metrics: ClassVar[tuple[Metric, ...]] = (INNER_STEPS, INNER_CONVERGED, REFINEMENT)

    def __init__(
        self,
        *,
        bound: Bound,
        amortizer: Amortizer,
        solver: LocalSolver,
        optimizer: MakeOptimizer,
        encoder_loss: EncoderLoss,
        steps: int = 10,
        test_steps: int = 100,
    ) -> None:
        super().__init__(bound=bound, amortizer=amortizer, optimizer=optimizer)
        at_least("strategy.steps", steps, 1, "use strategy=amortized for an encoder without refinement")
        at_least("strategy.test_steps", test_steps, 1)
        self.solver, self.encoder_loss = solver, encoder_loss
        self.held_out_solver = solver.over(lowest_variance_elbo(bound, num_samples=SAMPLES))
        self.steps, self.test_steps = steps, test_steps

    @torch.no_grad()
    def infer(self, x: Tensor, index: Tensor | None = None, split: str = "new") -> Inference:
        guess = self.amortizer(x)
        solver = self.held_out_solver
        solution = solver(x, guess, solver.optimizer.init(guess), max_steps=self.test_steps)
        return Inference(solution.phi, effort(solution))

    def step(self, batch: Batch) -> Estimate:
        guess = self.amortizer(batch.x)
        phi, encoder_term, decoder_evaluations = self.encoder_loss(batch.x, guess, self.steps)
        estimate = self.bound(batch.x, phi)
        self.backward_step(estimate._replace(surrogate=estimate.surrogate + encoder_term))
        self.count(batch)
        self.decoder_evaluations += decoder_evaluations
        return estimate._replace(diagnostics={**estimate.diagnostics, "refinement": (phi - guess).detach().norm(dim=1)})
