"""∇_{θ,φ} E_q[J(r)] = E[∇ surrogate]: the interface of gradient estimators."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from torch import Tensor, nn

from vaerun.errors import UserError
from vaerun.metric.metric import Declares
from vaerun.model.base import Model
from vaerun.notation import Estimate, Terms
from vaerun.objective.base import Objective
from vaerun.posterior.base import Family, Posterior


class Estimator(Declares, nn.Module, ABC):
    """∇_{θ,φ} E_q[J(r_1, …, r_K)] = E[∇_{θ,φ} surrogate]: a surrogate, a function of K samples, has this gradient."""

    needs: ClassVar[tuple[type[Posterior], ...]] = ()  # capabilities that q must have
    serves: ClassVar[tuple[type[Objective], ...]] = (Objective,)  # objectives for which it is valid
    ignores: ClassVar[tuple[str, ...]] = ()  # keys of a run that it does not use
    unbiased: ClassVar[bool] = True  # whether the gradient is claimed to be unbiased; ``vaerun verify`` tests the claim
    twice_differentiable: ClassVar[bool] = False  # whether second derivatives of the surrogate are valid estimates, too

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """A class with its own estimate and no gradient in φ of its own takes the gradient of that estimate."""
        super().__init_subclass__(**kwargs)
        if "forward" in vars(cls) and "phi_surrogate" not in vars(cls):
            cls.phi_surrogate = Estimator.phi_surrogate  # type: ignore[method-assign]

    def decodes(self, num_samples: int, family: Family) -> int:
        """The number of decoder evaluations per data point at K = ``num_samples``.

        Raises:
            UserError: the number is above the limit of the estimator.
        """
        return num_samples

    @abstractmethod
    def forward(self, q: Posterior, model: Model, objective: Objective, x: Tensor) -> Estimate:
        """One estimate per point: x of Float[Tensor, "B X"] ↦ Estimate over B."""

    def phi_surrogate(self, q: Posterior, model: Model, objective: Objective, x: Tensor) -> Tensor:
        """A function of φ with the surrogate's gradient in φ, from the same random numbers, Float[Tensor, "B"].

        Its value and its gradient in θ mean nothing. An ascent in φ uses it: by default the surrogate itself; an
        estimator that knows the gradient in z can leave out log p(x given z).
        """
        return self(q, model, objective, x).surrogate


def evaluate(model: Model, x: Tensor, z: Tensor, log_q: Tensor) -> Terms:
    """The terms of r(z) = log p(x given z) + log p(z) − log q(z; φ), each Float[Tensor, "K B"]."""
    return Terms(model.log_likelihood(x, z), model.log_prior(z, model.given(x)), log_q)


def estimate(value: Tensor, surrogate: Tensor, terms: Terms, auxiliary: Tensor | None = None) -> Estimate:
    """The Estimate of an estimator with samples of q: with the mean log-likelihood and KL of the samples.

    Args:
        value: J(r), Float[Tensor, "B"].
        surrogate: what to differentiate, Float[Tensor, "B"].
        terms: at samples of the true q, each Float[Tensor, "K B"].
        auxiliary: the loss of the weights of the estimator, Float[Tensor, ""]; None without weights.

    Raises:
        UserError: value or surrogate do not have one number for each point.
    """
    points = terms.log_q.shape[-1:]
    if value.shape != points or surrogate.shape != points:
        raise UserError(
            f"an estimator must return a value and a surrogate of shape {list(points)}, one number for each point, got "
            f"{list(value.shape)} and {list(surrogate.shape)}: reduce over the samples only, as objective(r) does."
        )
    detached = Terms(*(term.detach() for term in terms))
    return Estimate(
        value=value.detach(),
        surrogate=surrogate,
        log_likelihood=detached.log_likelihood.mean(0),
        kl=(detached.log_q - detached.log_prior).mean(0),
        auxiliary=value.new_zeros(()) if auxiliary is None else auxiliary,
    )
