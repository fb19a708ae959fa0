"""J(r) = (1 / (1 − α)) log (1/K) Σ_k exp((1 − α) r_k)."""

import math

import torch
from torch import Tensor

from vaerun.errors import UserError
from vaerun.objective.base import Objective
from vaerun.schedule.base import Schedule


class Renyi(Objective):
    """J(r) = (1/(1 − α)) log (1/K) Σ_k exp((1 − α) r_k), the variational Rényi bound; α = 0 is IWAE.

    The limit α → 1 is the ELBO. For 0 ≤ α < 1 its expectation is below log p(x) and increases with K; for α > 1 it is
    below the ELBO and decreases with K; for α < 0 it can exceed log p(x), so it is not a bound.

    Args:
        num_samples: K.
        kl_weight: β.
        alpha: α.

    Raises:
        UserError: α is 1 or not finite.

    Reference: Li, Turner 2016, Rényi divergence variational inference, §3-4.
    """

    def __init__(self, *, num_samples: int = 1, kl_weight: Schedule | None = None, alpha: float = 0.5) -> None:
        super().__init__(num_samples=num_samples, kl_weight=kl_weight)
        if alpha == 1:
            raise UserError(
                "objective.alpha must not be 1, where the formula divides by 1 − α = 0: use objective=elbo."
            )
        if not math.isfinite(alpha):
            raise UserError(f"objective.alpha must be a finite number other than 1, got {alpha}.")
        self.order = 1 - alpha

    @property
    def is_elbo(self) -> bool:
        return False

    def forward(self, r: Tensor) -> Tensor:
        return ((self.order * r).logsumexp(0) - math.log(len(r))) / self.order

    def credit(self, r: Tensor) -> Tensor:
        return self(r).expand_as(r)

    def score_weight(self, r: Tensor) -> Tensor:
        return torch.softmax(self.order * r, 0)

    def path_weight(self, r: Tensor) -> Tensor:
        a = self.score_weight(r)
        return a - self.beta() * self.order * a * (1 - a)
