"""∇ [J(r) + Σ_k sg[c_k − b_k − β a_k] log q(z_k; φ)] with z ~ q and log q detached in r."""

from torch import Tensor

from vaerun.estimator.base import Estimator, estimate, evaluate
from vaerun.estimator.baseline.base import Baseline
from vaerun.model.base import Model
from vaerun.notation import Estimate
from vaerun.objective.base import Objective
from vaerun.posterior.base import Posterior


class Score(Estimator):
    """∇_φ E_q[J(r)] = E_q[Σ_k (c_k − b_k − β a_k) ∇_φ log q(z_k; φ)]: the score function, REINFORCE.

    c_k is the credit of sample k, b_k a baseline independent of z_k, and a_k = ∂J/∂r_k accounts for the log q inside r.
    It works for every q, but its variance is high. With the leave-one-out baseline it is REINFORCE leave-one-out for
    the ELBO and VIMCO for the importance-weighted bound.

    Args:
        baseline: b_k.

    Reference: Williams 1992; Ranganath et al. 2014, Black box variational inference, eq. 2; Mnih, Rezende 2016, eq. 9.
    """

    def __init__(self, baseline: Baseline) -> None:
        super().__init__()
        self.baseline = baseline

    def forward(self, q: Posterior, model: Model, objective: Objective, x: Tensor) -> Estimate:
        z = q.sample(objective.num_samples)
        log_q = q.log_prob(z)
        terms = evaluate(model, x, z, log_q.detach())
        r = objective.reward(terms)
        value = objective(r)
        detached = r.detach()
        credit = objective.credit(detached)
        b = self.baseline(detached, objective, x, q, z)
        advantage = credit - b.detach() - objective.beta() * objective.score_weight(detached)
        surrogate = value + (self.baseline.rescale(advantage) * log_q).sum(0)
        return estimate(value, surrogate, terms, auxiliary=self.baseline.loss(credit, b))
