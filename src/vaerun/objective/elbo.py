"""J(r) = mean_k r_k."""

from vaerun.objective.average import Average
from vaerun.schedule.constant import Constant


class ELBO(Average):
    """J(r) = mean_k r_k, the evidence lower bound E_q[log p(x, z) − log q(z; φ)], estimated with K samples.

    Reference: Jordan et al. 1999, An introduction to variational methods for graphical models, §6.
    """

    @property
    def is_elbo(self) -> bool:
        return isinstance(self.kl_weight, Constant) and self.kl_weight.constant == 1
