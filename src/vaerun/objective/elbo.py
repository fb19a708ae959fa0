"""J(r) = mean_k r_k."""

import torch
from torch import Tensor

from vaerun.objective.base import Objective
from vaerun.schedule.constant import Constant


class ELBO(Objective):
    """J(r) = mean_k r_k, the evidence lower bound E_q[log p(x, z) − log q(z; φ)], estimated with K samples.

    Reference: Jordan et al. 1999, An introduction to variational methods for graphical models, §6.
    """

    @property
    def is_elbo(self) -> bool:
        return isinstance(self.kl_weight, Constant) and self.kl_weight.constant == 1

    def forward(self, r: Tensor) -> Tensor:
        return r.mean(0)

    def credit(self, r: Tensor) -> Tensor:
        return r / len(r)

    def score_weight(self, r: Tensor) -> Tensor:
        return torch.zeros_like(r)

    def path_weight(self, r: Tensor) -> Tensor:
        return torch.full_like(r, 1 / len(r))
