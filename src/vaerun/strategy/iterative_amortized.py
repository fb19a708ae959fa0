"""φ_0 = f_λ(x), φ_{t+1} = φ_t + g_λ(φ_t, ∇_φ L(x; θ, φ_t)), T times; θ maximises the bound at φ_T."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from vaerun.amortizer.base import Amortizer
from vaerun.bound.bound import Bound
from vaerun.bound.value_and_grad import ValueAndGrad
from vaerun.config.ranges import at_least
from vaerun.metric.metric import Chart, Metric
from vaerun.notation import Batch, Estimate
from vaerun.strategy.base import Inference, MakeOptimizer, Strategy
from vaerun.strategy.metrics import INFERENCE
from vaerun.strategy.refiner.base import Refiner

REFINEMENT_GAIN = Metric(
    "refinement_gain",
    "not a bound: bound at the refined φ − bound at the encoder's φ",
    "nat",
    chart=Chart(INFERENCE, "gain by refinement"),
)


class IterativeAmortized(Strategy):
    """φ_{t+1} = φ_t + g_λ(φ_t, ∇_φ L(x; θ, φ_t)) from φ_0 = f_λ(x): a network predicts the steps.

    λ, the weights of encoder and refiner, maximises the mean of L(x; θ, φ_0), …, L(x; θ, φ_T); θ maximises
    L(x; θ, φ_T). The inputs of the refiner are detached: each step is trained to improve the bound at its own result,
    memory does not grow with T, and any estimator can be used. The gradient at φ_t is the input of step t and the
    training signal of step t − 1, so one visit needs only T + 1 estimates of the bound.

    Args:
        bound: L(x; θ, φ).
        amortizer: f_λ, the initial φ.
        optimizer: makes the optimiser of θ and λ.
        refiner: g_λ.
        steps: T, in training and for new points.

    Raises:
        UserError: T < 1.

    Reference: Marino, Yue, Mandt 2018, Iterative amortized inference, §3, algorithm 1 (with φ_0 near the prior
    and a gated step).
    """

    per_point: ClassVar[bool] = False
    metrics: ClassVar[tuple[Metric, ...]] = (REFINEMENT_GAIN,)

    def __init__(
        self, *, bound: Bound, amortizer: Amortizer, optimizer: MakeOptimizer, refiner: Refiner, steps: int = 5
    ) -> None:
        at_least("strategy.steps", steps, 1, "use strategy=amortized for an encoder without refinement")
        super().__init__(bound=bound, shared=nn.ModuleList((bound, amortizer, refiner)), optimizer=optimizer)
        self.amortizer, self.refiner, self.steps = amortizer, refiner, steps
        self.in_phi = ValueAndGrad(bound, bound, (), in_phi=True)

    @torch.no_grad()
    def infer(self, x: Tensor, index: Tensor | None = None, split: str = "new") -> Inference:
        phi = self.amortizer(x)
        for _ in range(self.steps):
            phi = phi + self.refiner(phi, self.gradient_and_value(x, phi)[0])
        return Inference(phi)

    def step(self, batch: Batch) -> Estimate:
        phi = self.amortizer(batch.x)
        encoder_term = torch.zeros_like(phi[:, 0])
        values = []
        for _ in range(self.steps):
            gradient, value = self.gradient_and_value(batch.x, phi)
            values.append(value)
            encoder_term = encoder_term + (gradient * phi).sum(1)
            phi = phi.detach() + self.refiner(phi.detach(), gradient)
        # The last bound has its full gradient in θ, and weight 1/(T + 1) in λ.
        share = 1 / (self.steps + 1)
        estimate = self.bound(batch.x, phi.detach() + share * (phi - phi.detach()))
        self.backward_step(estimate._replace(surrogate=estimate.surrogate + share * encoder_term))
        self.decoder_evaluations += (self.steps + 1) * len(batch.x) * self.bound.decodes
        self.encoder_evaluations += len(batch.x)
        return estimate._replace(diagnostics={**estimate.diagnostics, "refinement_gain": estimate.value - values[0]})

    def gradient_and_value(self, x: Tensor, phi: Tensor) -> tuple[Tensor, Tensor]:
        """(∇_φ Σ_i L̂(x_i; θ, φ_i) Float[Tensor, "B P"], L̂ Float[Tensor, "B"]), of one estimate."""
        estimate, _, gradient = self.bound.engine(self.in_phi, x, phi.detach())
        return gradient, estimate.value
