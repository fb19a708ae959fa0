"""REBAR and RELAX: their gradient's expectation, what they learn, and what they leave alone."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.problems import family_and_model, node, objective, parameters, space, truth
from vaerun.build import make
from vaerun.errors import UserError
from vaerun.estimator.coupled import Coupled
from vaerun.model.base import Model
from vaerun.posterior.base import Family

pytestmark = pytest.mark.usefixtures("exact")

NAMES = ["rebar", "relax"]
X = torch.tensor([[1.0, 0.0, 1.0]], dtype=torch.float64)
FACTS = {"latent_dim": 2, "data_dim": 3, "data_mean": torch.full((3,), 0.5, dtype=torch.float64), "data_std": 0.5}


def made(name: str, **keys: Any) -> Coupled:
    return make(node(f"estimator/{name}", **keys), FACTS)


def parts() -> tuple[Family, Model, Tensor]:
    family, model = family_and_model("bernoulli", latent_dim=2)
    return family, model, torch.tensor([[0.4, -0.7]], dtype=torch.float64)


def gradients(estimator: Coupled, family: Family, model: Model, J: Any, phi: Tensor, rows: int) -> Tensor:
    """∂/∂φ of ``rows`` independent estimates, Float[Tensor, "rows P"]."""
    leaf = phi.expand(rows, -1).clone().requires_grad_()
    surrogate = estimator(family(leaf), model, J, X.expand(rows, -1)).surrogate.sum()
    return torch.autograd.grad(surrogate, leaf)[0]


@pytest.mark.parametrize(("k", "J", "beta"), [(1, "elbo", 1.0), (3, "elbo", 0.3), (2, "iwae", 1.0), (3, "iwae", 0.3)])
@pytest.mark.parametrize("keys", [{}, {"eta": -0.7, "tau": 0.1}, {"eta": 2.0, "tau": 3.0}])
@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_right_on_average_for_every_eta_and_temperature(
    name: str, keys: dict[str, float], k: int, J: str, beta: float
) -> None:
    family, model, phi = parts()
    estimator, rows = made(name, **keys), 60_000
    if name == "relax":  # a network that says something
        with torch.no_grad():
            for weight in estimator.layers.parameters():
                weight.copy_(0.1 * torch.randn_like(weight))
    estimator.eval()
    found = gradients(estimator, family, model, objective(J, k, beta).train(), phi, rows)
    leaf = phi.clone().requires_grad_()
    bound = truth(family(leaf), model, objective(J, k, beta), X, space("binary", 2), beta=beta).bound
    (wanted,) = torch.autograd.grad(bound, leaf)
    error = found.std(0) / rows**0.5
    assert ((found.mean(0) - wanted[0]).abs() < 5 * error).all()
    assert (error < 0.1 * wanted[0].abs().max()).all()


@pytest.mark.parametrize("name", NAMES)
def test_theta_keeps_the_plain_gradient_of_the_samples_drawn(name: str) -> None:
    family, model, phi = parts()
    estimator, J, q = made(name), objective("iwae", 3), family(phi.requires_grad_())
    torch.manual_seed(3)
    estimate = estimator(q, model, J, X)
    torch.manual_seed(3)
    z = q.harden(q.perturb(q.noise(3)))
    plain = J(model.log_joint(X, z) - q.log_prob(z).detach())
    torch.testing.assert_close(estimate.value, plain.detach())
    theta = parameters(model)
    for one, other in zip(
        torch.autograd.grad(estimate.surrogate.sum(), theta), torch.autograd.grad(plain.sum(), theta), strict=True
    ):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("name", NAMES)
def test_the_auxiliary_loss_moves_nothing_but_the_estimator(name: str) -> None:
    family, model, phi = parts()
    estimator, leaf = made(name), phi.requires_grad_()
    estimate = estimator(family(leaf), model, objective("elbo", 2), X)
    others = [leaf, *parameters(model)]
    assert all(g is None for g in torch.autograd.grad(estimate.auxiliary, others, allow_unused=True, retain_graph=True))
    own = torch.autograd.grad(estimate.auxiliary, parameters(estimator), retain_graph=True, allow_unused=True)
    assert all(g is not None for g in own)
    assert own[0].abs() > 0
    assert own[1].abs() > 0
    # … and what moves φ and θ moves nothing of the estimator.
    own = torch.autograd.grad(estimate.surrogate.sum(), parameters(estimator), allow_unused=True)
    assert all(g is None for g in own)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_learned_descends_the_squared_gradient(name: str) -> None:
    """The auxiliary loss's gradient in η and log τ is that of ‖∂surrogate/∂φ‖², by finite differences."""
    family, model, phi = parts()
    estimator, J = made(name), objective("iwae", 2)

    def square() -> float:
        torch.manual_seed(5)
        return float(gradients(estimator, family, model, J, phi, 50).square().sum(1).mean())

    torch.manual_seed(5)
    leaf = phi.expand(50, -1).clone().requires_grad_()
    auxiliary = estimator(family(leaf), model, J, X.expand(50, -1)).auxiliary
    for weight in (estimator.eta, estimator.log_temperature):
        (slope,) = torch.autograd.grad(auxiliary, weight, retain_graph=True)
        weight.data += 1e-5
        above = square()
        weight.data -= 2e-5
        below = square()
        weight.data += 1e-5
        torch.testing.assert_close(slope, torch.tensor((above - below) / 2e-5), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_learning_lowers_the_variance_below_that_without_a_control_variate(name: str) -> None:
    family, model, phi = parts()
    J, estimator = objective("elbo", 1), made(name, eta=0.0)

    def variance() -> float:
        torch.manual_seed(7)
        estimator.eval()
        found = float(gradients(estimator, family, model, J, phi, 20_000).var(0).sum())
        estimator.train()
        return found

    before = variance()
    optimizer = torch.optim.Adam(estimator.parameters(), lr=0.05)
    for _ in range(150):
        leaf = phi.expand(100, -1).clone().requires_grad_()
        loss = estimator(family(leaf), model, J, X.expand(100, -1)).auxiliary
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert variance() < 0.2 * before


def test_a_network_at_zero_is_rebar() -> None:
    family, model, phi = parts()
    found = []
    for name in NAMES:
        torch.manual_seed(1)
        estimator = made(name)
        torch.manual_seed(2)
        found.append(gradients(estimator, family, model, objective("iwae", 2), phi, 4))
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("tau", [0.0, -1.0])
def test_a_temperature_that_softens_nothing_is_refused(name: str, tau: float) -> None:
    with pytest.raises(UserError, match=r"estimator\.tau"):
        made(name, tau=tau)
