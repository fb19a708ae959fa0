"""J(r) = (1 / (1 − α)) log (1/K) Σ_k exp((1 − α) r_k)."""

import math

import torch
from torch import Tensor

from vaerun.errors import UserError
from vaerun.objective.base import Objective
from vaerun.schedule.base import Schedule


class Renyi(Objective):
    """J(r) = (1/(1 − α)) log (1/K) Σ_k exp((1 − α) r_k), the variational Rényi bound: the IWAE's at α = 0.

    As α → 1 it becomes the ELBO. For 0 ≤ α < 1 its expectation lies below log p(x) and rises with K; for α > 1 it lies
    below the ELBO and falls with K; for α < 0 it may exceed log p(x), and is no bound.

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
            raise UserError("objective.alpha=1 divides by 1 − α = 0; the limit is the ELBO: use objective=elbo.")
        if not math.isfinite(alpha):
            raise UserError(f"objective.alpha={alpha} is no order: give a finite number other than 1.")
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
