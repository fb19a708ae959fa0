"""∇ [mean_k log p(x given z_k) − β KL(q ‖ p(z))] with z = g(ε; φ) and the KL in closed form."""

from typing import ClassVar

from torch import Tensor

from vaerun.estimator.base import Estimator
from vaerun.model.base import Model
from vaerun.notation import Estimate
from vaerun.objective.average import Average
from vaerun.objective.base import Objective
from vaerun.posterior.base import ClosedFormKL, Posterior, Reparameterized


class AnalyticKL(Estimator):
    """L = E_ε[log p(x given g(ε; φ))] − β KL(q(·; φ) ‖ p(z)): only the likelihood is sampled.

    Only valid for the ELBO and its weighted variants: an importance-weighted bound has no KL term.

    Reference: Kingma, Welling 2014, Auto-encoding variational Bayes, eq. 7 and appendix B.
    """

    needs: ClassVar = (Reparameterized, ClosedFormKL)
    serves: ClassVar = (Average,)
    twice_differentiable: ClassVar[bool] = True

    def forward(self, q: Posterior, model: Model, objective: Objective, x: Tensor) -> Estimate:
        assert isinstance(q, Reparameterized)
        assert isinstance(q, ClosedFormKL)
        z, _ = q.transport(q.noise(objective.num_samples))
        log_likelihood = model.log_likelihood(x, z).mean(0)
        kl = q.kl(model.prior_of(model.given(x)))
        value = log_likelihood - objective.beta() * kl
        return Estimate(
            value=value.detach(),
            surrogate=value,
            log_likelihood=log_likelihood.detach(),
            kl=kl.detach(),
            auxiliary=value.new_zeros(()),
        )

    def phi_surrogate(self, q: Posterior, model: Model, objective: Objective, x: Tensor) -> Tensor:
        assert isinstance(q, Reparameterized)
        assert isinstance(q, ClosedFormKL)
        z, _ = q.transport(q.noise(objective.num_samples))
        path = (model.likelihood_gradient(x, z) * z).sum(-1).mean(0)
        return path - objective.beta() * q.kl(model.prior_of(model.given(x)))
