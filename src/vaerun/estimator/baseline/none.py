"""b_k = 0."""

from torch import Tensor

from vaerun.estimator.baseline.base import Baseline
from vaerun.objective.base import Objective
from vaerun.posterior.base import Posterior


class NoBaseline(Baseline):
    """b_k = 0: the plain score function.

    Reference: Williams 1992, Simple statistical gradient-following algorithms, eq. 5.
    """

    def forward(self, r: Tensor, objective: Objective, x: Tensor, q: Posterior, z: Tensor) -> Tensor:
        return r.new_zeros(())
