"""b_k = the credit of sample k with r_k replaced by the mean of the other rewards."""

from typing import ClassVar

from torch import Tensor

from vaerun.estimator.baseline.base import Baseline
from vaerun.objective.base import Objective
from vaerun.posterior.base import Posterior


class LeaveOneOut(Baseline):
    """b_k = c_k(r with r_k replaced by the mean of the other K − 1 rewards): for every J.

    For the ELBO it is REINFORCE leave-one-out; for the importance-weighted bound it is VIMCO with the arithmetic mean
    of the log-weights, which is the geometric mean of the weights.

    Reference: Mnih, Rezende 2016, Variational inference for Monte Carlo objectives, eq. 10; Kool et al. 2019.
    """

    min_samples: ClassVar[int] = 2

    def forward(self, r: Tensor, objective: Objective, x: Tensor, q: Posterior, z: Tensor) -> Tensor:
        return objective.credit_with(r, (r.sum(0) - r) / (len(r) - 1))
