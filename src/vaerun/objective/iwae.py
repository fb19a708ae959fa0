"""J(r) = log (1/K) Σ_k exp r_k."""

import math

from torch import Tensor

from vaerun.objective.base import Objective


class IWAE(Objective):
    """J(r) = logsumexp_k r_k − log K, the importance-weighted bound; the ELBO at K = 1, log p(x) as K → ∞.

    Reference: Burda, Grosse, Salakhutdinov 2016, Importance weighted autoencoders, eq. 8.
    """

    @property
    def is_elbo(self) -> bool:
        return False

    def forward(self, r: Tensor) -> Tensor:
        return r.logsumexp(0) - math.log(len(r))

    def credit(self, r: Tensor) -> Tensor:
        return self(r).expand_as(r)

    def score_weight(self, r: Tensor) -> Tensor:
        return r.softmax(0)

    def path_weight(self, r: Tensor) -> Tensor:
        w = r.softmax(0)
        return w - self.beta() * w * (1 - w)
