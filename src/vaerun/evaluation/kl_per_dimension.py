"""KL(q ‖ p(z)) = Σ_d KL(q_d ‖ p_d), term by term, where q and p(z) are products over d."""

from functools import singledispatch

from torch import Tensor
from torch.nn.functional import logsigmoid

from vaerun.model.prior.base import IndependentNormal, PriorDensity
from vaerun.model.prior.bernoulli import BernoulliPrior
from vaerun.nn.normal import HALF_LOG_2PI
from vaerun.posterior.base import Posterior
from vaerun.posterior.bernoulli import IndependentBernoulli
from vaerun.posterior.gaussian import DiagonalGaussian
from vaerun.posterior.laplace import LOG_2, DiagonalLaplace


@singledispatch
def kl_per_dimension(q: Posterior, prior: PriorDensity) -> Tensor | None:
    """KL(q_d ‖ p_d), Float[Tensor, "B D"]; None if q or p(z) is not a product or there is no closed form.

    If the coordinates of q are dependent, KL(q ‖ p(z)) is not a sum over single coordinates. One-hot blocks have one KL
    for each block, not for each coordinate, and are left out, too.
    """
    return None


@kl_per_dimension.register
def _(q: DiagonalGaussian, prior: PriorDensity) -> Tensor | None:
    if not isinstance(prior, IndependentNormal):
        return None
    mu, log_sigma = prior.standardised(q.mu, q.log_sigma)
    return 0.5 * ((2 * log_sigma).exp() + mu.square() - 1 - 2 * log_sigma)


@kl_per_dimension.register
def _(q: DiagonalLaplace, prior: PriorDensity) -> Tensor | None:
    if not isinstance(prior, IndependentNormal):
        return None
    mu, log_b = prior.standardised(q.mu, q.log_b)
    return 0.5 * mu.square() + (2 * log_b).exp() + HALF_LOG_2PI - log_b - LOG_2 - 1


@kl_per_dimension.register
def _(q: IndependentBernoulli, prior: PriorDensity) -> Tensor | None:
    if not isinstance(prior, BernoulliPrior):
        return None
    p = q.mean()
    return p * (q.logits - prior.logits) + logsigmoid(-q.logits) - logsigmoid(-prior.logits)
