"""L(x; θ, φ): the one differentiable function, and what is read from it without gradient."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from tests.problems import exact_elbo, linear_gaussian, node, objective, quadrature
from vaerun.bound.bound import Bound
from vaerun.errors import UserError
from vaerun.estimator.base import estimate
from vaerun.estimator.reparam import Reparam
from vaerun.experiment.make import make
from vaerun.model.linear_gaussian import LinearGaussian
from vaerun.notation import Estimate, Terms

pytestmark = pytest.mark.usefixtures("exact")


def bound_of(estimator: str = "reparam", k: int = 4, beta: float = 1.0) -> Bound:
    model = linear_gaussian(torch.randn(3, 2), torch.randn(3), 0.5)
    return Bound(
        model=model,
        family=make(node("posterior/gaussian"), {"latent_dim": 2}),
        objective=objective("elbo", k, beta),
        estimator=make(node(f"estimator/{estimator}"), {}),
    )


@pytest.mark.parametrize("estimator", ["reparam", "analytic_kl"])
def test_it_is_the_elbo_as_a_function_of_x_phi_and_theta(estimator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quadrature(monkeypatch)
    bound = bound_of(estimator)
    model = bound.model
    assert isinstance(model, LinearGaussian)
    x, phi = torch.randn(5, 3), torch.randn(5, 4).requires_grad_()
    estimate, elbo = bound(x, phi), exact_elbo(model, x, phi)
    torch.testing.assert_close(estimate.value, elbo.detach())
    leaves = [phi, *model.parameters()]
    for one, other in zip(
        torch.autograd.grad(estimate.surrogate.sum(), leaves), torch.autograd.grad(elbo.sum(), leaves), strict=True
    ):
        torch.testing.assert_close(one, other)


def test_its_terms_and_rewards_are_of_hard_samples_at_weight_one() -> None:
    bound, x, phi = bound_of(beta=0.3), torch.randn(5, 3), torch.randn(5, 4).requires_grad_()
    torch.manual_seed(1)
    terms = bound.terms(x, phi, 6)
    torch.manual_seed(1)
    rewards = bound.rewards(x, phi, 6)
    torch.manual_seed(1)
    q = bound.family(phi.detach())
    z = q.sample(6)
    with torch.no_grad():
        torch.testing.assert_close(terms.log_likelihood, bound.model.log_likelihood(x, z))
        torch.testing.assert_close(terms.log_prior, bound.model.log_prior(z))
        torch.testing.assert_close(terms.log_q, q.log_prob(z))
        torch.testing.assert_close(rewards, bound.model.log_joint(x, z) - q.log_prob(z))
    assert not rewards.requires_grad
    assert rewards.shape == (6, 5)


class Returns(Reparam):
    """An estimator of a user that returns what the test gives."""

    def __init__(self, what: Callable[[Estimate], object]) -> None:
        super().__init__()
        self.what = what

    def forward(self, *inputs: Any) -> Any:
        return self.what(super().forward(*inputs))


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        (lambda made: made.surrogate, r"Returns\.forward must return an Estimate, got Tensor: end it with"),
        (lambda made: None, r"must return an Estimate, got NoneType"),
    ],
)
def test_an_estimator_that_returns_no_estimate_is_refused(what: Callable[[Estimate], object], sentence: str) -> None:
    usual = bound_of()
    bound = Bound(model=usual.model, family=usual.family, objective=usual.objective, estimator=Returns(what))
    with pytest.raises(UserError, match=sentence):
        bound(torch.randn(5, 3), torch.randn(5, 4))


def test_a_surrogate_without_a_gradient_is_refused_where_one_is_needed() -> None:
    usual = bound_of()
    constant = Returns(lambda made: made._replace(surrogate=made.surrogate.detach()))
    bound = Bound(model=usual.model, family=usual.family, objective=usual.objective, estimator=constant)
    phi = torch.randn(5, 4)
    bound(torch.randn(5, 3), phi)
    with torch.no_grad():
        bound(torch.randn(5, 3), phi.requires_grad_())
    with pytest.raises(UserError, match=r"Returns\.forward must return a surrogate with a gradient"):
        bound(torch.randn(5, 3), phi)


def test_an_estimate_has_one_number_for_each_point() -> None:
    terms = Terms(*torch.randn(3, 5, 4))
    value = torch.randn(4)
    assert estimate(value, value, terms).value.shape == (4,)
    for wrong in (value.mean(), terms.log_q):
        with pytest.raises(
            UserError, match=r"of shape \[4\], one number for each point, got .*: reduce over the samples"
        ):
            estimate(wrong, wrong, terms)


def test_it_decodes_k_times() -> None:
    assert bound_of(k=7).decodes == 7


@pytest.mark.parametrize(
    ("estimator", "posterior", "name", "prior", "sentence"),
    [
        (
            "analytic_kl",
            "gaussian",
            "iwae",
            "standard_normal",
            "AnalyticKL is valid for objectives that average the rewards only, not for IWAE",
        ),
        (
            "reparam",
            "bernoulli",
            "elbo",
            "bernoulli",
            "Reparam needs a reparameterized posterior, but Bernoulli has no differentiable sampler",
        ),
        (
            "analytic_kl",
            "gaussian",
            "elbo",
            "mixture_of_gaussians",
            r"AnalyticKL needs KL\(q ‖ p\(z\)\) in closed form, which Gaussian does not have with MixtureOfGaussians",
        ),
        ("reparam", "gaussian", "elbo", "bernoulli", "Gaussian is over real z, but BernoulliPrior is over binary z"),
    ],
)
def test_parts_that_would_give_a_wrong_gradient_are_refused(
    estimator: str, posterior: str, name: str, prior: str, sentence: str
) -> None:
    facts = {"latent_dim": 2, "data_dim": 3, "data_mean": torch.full((3,), 0.5), "data_std": 1.0}
    with pytest.raises(UserError, match=sentence):
        Bound(
            model=make(node("model/vae", {"prior": prior}, latent_dim=2), facts),
            family=make(node(f"posterior/{posterior}"), facts),
            objective=objective(name, 2),
            estimator=make(node(f"estimator/{estimator}"), {}),
        )


@pytest.mark.parametrize("estimator", ["reparam", "analytic_kl", "score"])
def test_in_evaluation_mode_the_kl_weight_is_one(estimator: str) -> None:
    """For a reported value, φ maximises the bound at KL weight 1, whatever the weight in training."""
    x, phi = torch.randn(5, 3), torch.randn(5, 4).requires_grad_()
    gradients = []
    for beta, training in ((0.3, False), (1.0, True), (0.3, True)):
        torch.manual_seed(0)
        bound = bound_of(estimator, beta=beta).train(training)
        gradients.append(torch.autograd.grad(bound(x, phi).surrogate.sum(), phi)[0])
    torch.testing.assert_close(gradients[0], gradients[1])
    assert not torch.allclose(gradients[0], gradients[2])
