"""The sum over all values of z is the bound itself."""

import pytest
import torch

from tests.problems import family_and_model, node, objective, parameters, space, truth
from vaerun.bound.bound import Bound
from vaerun.errors import UserError
from vaerun.estimator.enumerate import Enumerate
from vaerun.experiment.make import make

pytestmark = pytest.mark.usefixtures("exact")


def exhaustive() -> Enumerate:
    return make(node("estimator/enumerate"), {})


@pytest.mark.parametrize("beta", [1.0, 0.3])
@pytest.mark.parametrize("k", [1, 5])
def test_value_figures_and_gradients_are_the_exact_ones_whatever_k_is(k: int, beta: float) -> None:
    x = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    family, model = family_and_model("bernoulli", latent_dim=3)
    phi = torch.randn(2, 3).requires_grad_()
    estimate = exhaustive()(family(phi), model, objective("elbo", k, beta), x)
    answers = [
        truth(family(phi[[i]]), model, objective("elbo", 1), x[[i]], space("binary", 3), beta=beta) for i in range(2)
    ]
    for found, wanted in (
        (estimate.value, [answer.bound for answer in answers]),
        (estimate.log_likelihood, [answer.log_likelihood for answer in answers]),
        (estimate.kl, [answer.kl for answer in answers]),
    ):
        torch.testing.assert_close(found, torch.stack(wanted).detach())
    weights = [phi, *parameters(model)]
    gradients = torch.autograd.grad(estimate.surrogate.sum(), weights)
    for a, b in zip(gradients, torch.autograd.grad(answers[0].bound + answers[1].bound, weights), strict=True):
        torch.testing.assert_close(a, b)


def test_its_second_derivatives_are_exact_too() -> None:
    x = torch.tensor([[1.0, 0.0, 1.0]])
    family, model = family_and_model("bernoulli", latent_dim=2)

    def found(phi: torch.Tensor) -> torch.Tensor:
        return exhaustive()(family(phi), model, objective("elbo", 1), x).surrogate.sum()

    def wanted(phi: torch.Tensor) -> torch.Tensor:
        return truth(family(phi), model, objective("elbo", 1), x, space("binary", 2)).bound

    phi = torch.randn(1, 2)
    hessian: torch.Tensor = torch.autograd.functional.hessian(found, phi)  # type: ignore[assignment]
    torch.testing.assert_close(hessian, torch.autograd.functional.hessian(wanted, phi))
    assert hessian.abs().max() > 1e-3


def test_a_support_without_end_is_refused_before_it_is_listed() -> None:
    for latent_dim, fits in ((12, True), (13, False), (200, False)):
        family, model = family_and_model("bernoulli", latent_dim=latent_dim)
        if fits:
            assert exhaustive().decodes(7, family) == 4096
            continue
        with pytest.raises(UserError, match=rf"got {2**latent_dim} values of the {latent_dim} coordinates"):
            Bound(model=model, family=family, objective=objective("elbo", 1), estimator=exhaustive())
