"""b_k = the credit of sample k with r_k replaced by the mean of the other rewards."""

from typing import ClassVar

import torch
from torch import Tensor

from vaerun.estimator.baseline.base import Baseline
from vaerun.objective.base import Objective


class LeaveOneOut(Baseline):
    """b_k = c_k(r with r_k replaced by the mean of the other K − 1 rewards): one definition for every J.

    On the ELBO it is REINFORCE leave-one-out, on the importance-weighted bound VIMCO with the arithmetic mean of the
    log-weights, that is the geometric mean of the weights.

    Reference: Mnih, Rezende 2016, Variational inference for Monte Carlo objectives, eq. 10; Kool et al. 2019.
    """

    min_samples: ClassVar[int] = 2

    def forward(self, r: Tensor, objective: Objective, x: Tensor) -> Tensor:
        k, b = r.shape
        others = (r.sum(0) - r) / (k - 1)
        itself = torch.eye(k, dtype=torch.bool, device=r.device).unsqueeze(-1)  # [sample, replaced, 1]
        replaced = torch.where(itself, others, r.unsqueeze(1))  # column j has r_j replaced, [K, K, B]
        credit = objective.credit(replaced.reshape(k, k * b)).reshape(k, k, b)
        return credit.diagonal(dim1=0, dim2=1).T
