"""∇ E_q[J(r)] by the score function, with the concrete relaxation's reward as control variate."""

from torch import Tensor

from vaerun.estimator.base import evaluate
from vaerun.estimator.coupled import Coupled
from vaerun.model.base import Model
from vaerun.objective.base import Objective
from vaerun.posterior.base import LayeredRelaxable


class Rebar(Coupled):
    """∇_φ E_q[J(r)] = E[Σ_k (c_k(r) − η c_k(r̃) − β a_k) ∇_φ log q(z_k; φ) + η ∇_φ (J(r(soften(g, τ))) − J(r̃))].

    r̃ = r(soften(g̃, τ)) with g̃ sampled from p(g given H(g) = z), with the noise for which g̃ = g: REBAR. η and τ are
    trained to reduce the variance.

    Args:
        eta: the initial η.
        tau: the initial τ.
        step_factor: the steps of η and log τ, in units of those of the weights of the model.

    Raises:
        UserError: τ ≤ 0, or ``step_factor`` ≤ 0.

    Reference: Tucker et al. 2017, REBAR: low-variance, unbiased gradient estimates for discrete latent variable models.
    """

    def control_variate(
        self, q: LayeredRelaxable, model: Model, objective: Objective, x: Tensor, soft: Tensor
    ) -> Tensor:
        return objective.reward(evaluate(model, x, soft, q.log_prob(soft)))
