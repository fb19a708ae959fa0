"""(c − η c̃) ∇ log q + η (∇ r(soften(g)) − ∇ r(soften(g̃))): on one bit, draw by draw, with derivatives by hand."""

import pytest
import torch
from torch import Tensor

from tests.estimator.test_coupled import X, learn, made, on_nodes, parts
from tests.problems import objective
from vaerun.posterior.base import Relaxable

pytestmark = pytest.mark.usefixtures("exact")

ETA, TAU = 0.8, 0.6


def gradients(beta: float, eta: float = ETA) -> tuple[Tensor, Tensor]:
    """(∂surrogate/∂φ of one bit at 400 values of the noise, the same written out), each Float[Tensor, "400"]."""
    family, model, phi = parts(1)
    noise = torch.linspace(-6, 6, 400).reshape(1, 400, 1)
    x = X.expand(400, -1)
    leaf = phi.expand(400, -1).clone().requires_grad_()
    estimate = made("rebar", 1, eta=eta, tau=TAU)(on_nodes(family(leaf), noise), model, objective("elbo", 1, beta), x)
    (found,) = torch.autograd.grad(estimate.surrogate.sum(), leaf)

    logit = phi.squeeze()
    p = logit.sigmoid()

    def r(z: Tensor) -> Tensor:
        log_q = z * p.log() + (1 - z) * (1 - p).log()
        return model.log_likelihood(x, z) + beta * (model.log_prior(z) - log_q.squeeze(-1))

    def slope(g: Tensor) -> Tensor:
        leaf = g.clone().requires_grad_()
        return torch.autograd.grad(r((leaf / TAU).sigmoid()).sum(), leaf)[0]

    g = logit + noise
    z = (g > 0).to(g.dtype)
    # The published code: where u leads to z, v is its place in the interval of all u that do, counted from u = 1 − p.
    v = torch.where(z > 0, (noise.sigmoid() - (1 - p)) / p, 1 - noise.sigmoid() / (1 - p))
    u = torch.where(z > 0, p, 1 - p)
    # Tucker et al.: with v uniform, z = 1 has log(v / ((1 − v)(1 − p)) + 1), and z = 0 its mirror image.
    odds = v / (1 - v)
    tied = torch.where(z > 0, (odds / (1 - p) + 1).log(), -(odds / p + 1).log())
    torch.testing.assert_close(tied, g)
    moved = u * odds / (1 - u) / (odds / (1 - u) + 1)  # ∂g̃/∂φ, from ∂(1 − u)/∂φ = ∓ u (1 − u)
    advantage = (r(z) - eta * r((tied / TAU).sigmoid())).unsqueeze(-1)
    wanted = advantage * (z - p) + eta * (slope(g) - moved * slope(tied))
    return found.flatten(), wanted.detach().flatten()


@pytest.mark.parametrize("beta", [1.0, 0.3])
def test_every_draw_is_as_published(beta: float) -> None:
    torch.testing.assert_close(*gradients(beta))


def test_without_a_control_variate_it_is_the_score_function() -> None:
    torch.testing.assert_close(*gradients(1.0, eta=0.0))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_noise_given_a_bit_has_the_law_of_noise_of_that_bit(sign: float) -> None:
    """P(g' ≤ g(ε) given z) is σ(ε) at z = 1 and σ(−ε) at z = 0 for every φ, with its derivative in φ."""
    family, _, phi = parts()
    leaf = phi.requires_grad_()
    q = family(leaf)
    assert isinstance(q, Relaxable)
    z = torch.full((200, 1, 2), (1 + sign) / 2)
    noise = torch.linspace(-8, 8, 200).reshape(-1, 1, 1).expand(-1, 1, 2)
    g = q.condition(z, noise)
    assert torch.equal(q.harden(g), z)
    reached = sign * ((g - leaf).sigmoid() - (-leaf).sigmoid()) / (sign * leaf).sigmoid()  # from 0 outwards
    torch.testing.assert_close(reached, noise.sigmoid())
    (moved,) = torch.autograd.grad(reached.sum(), leaf)
    torch.testing.assert_close(moved, torch.zeros_like(moved), rtol=0, atol=1e-9)


def test_what_it_learns_pays() -> None:
    """From a poor η and τ, the variance of the gradient on one bit falls."""
    family, model, phi = parts(1)
    estimator = made("rebar", 1, eta=0.0, tau=3.0, step_factor=1.0)
    torch.manual_seed(4)
    noise = torch.rand(1, 4000, 1).logit()

    def variance() -> float:
        leaf = phi.expand(4000, -1).clone().requires_grad_()
        q = on_nodes(family(leaf), noise)
        surrogate = estimator.eval()(q, model, objective("elbo", 1), X.expand(4000, -1)).surrogate
        (found,) = torch.autograd.grad(surrogate.sum(), leaf)
        estimator.train()
        return float(found.var())

    before = variance()
    learn(estimator, family, model, objective("elbo", 1), phi, steps=100)
    assert variance() < 0.3 * before
    assert estimator.eta.detach() > 0.2
