"""z = μ + σ T_F(… T_1(ε)), T_f(y) = y + û_f tanh(w_fᵀ y + b_f)."""

import pytest
import torch
from torch.func import jacrev, vmap

from tests.problems import node
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.posterior.planar import Planar, solve

pytestmark = pytest.mark.usefixtures("exact")


def test_a_sample_is_the_layers_one_after_the_other() -> None:
    family: Planar = make(node("posterior/planar", flows=2), {"latent_dim": 3})
    assert family.num_parameters == 6 + 2 * 7
    q, noise = family(torch.randn(1, 20)), torch.randn(4, 1, 3)
    y = noise
    for f in range(2):
        y = y + q.u[:, f] * torch.tanh(y @ q.w[0, f] + q.b[0, f]).unsqueeze(-1)
    z, log_q = q.transport(noise)
    torch.testing.assert_close(z, q.mu + q.log_sigma.exp() * y)
    jacobians = vmap(jacrev(lambda e: q.transport(e.reshape(1, 1, 3))[0].flatten()))(noise[:, 0])
    base = torch.distributions.Normal(0.0, 1.0).log_prob(noise).sum(-1)
    torch.testing.assert_close(log_q, base - torch.linalg.slogdet(jacobians).logabsdet.unsqueeze(1))


def test_every_layer_is_invertible_and_the_identity_where_u_is_zero() -> None:
    family = Planar(latent_dim=3, flows=2)
    q = family(3 * torch.randn(1000, 20))
    torch.testing.assert_close((q.w * q.u).sum(-1), q.gain)
    assert q.gain.min() > -1
    noise = torch.randn(5, 1000, 3)
    torch.testing.assert_close(q.inverse(q.transform(noise)[0])[0], noise, rtol=1e-6, atol=1e-6)
    start = family(family.initial().unsqueeze(0))
    torch.testing.assert_close(start.u, torch.zeros(1, 2, 3))
    torch.testing.assert_close(start.w.norm(dim=-1), torch.ones(1, 2), rtol=0.02, atol=0)


def test_the_root_is_one_at_any_gain_and_has_the_derivatives_of_the_implicit_function() -> None:
    gain = torch.tensor([-0.999, -0.999, -0.99, -0.5, 0.0, 0.3, 5.0, 1e3, 1e4]).repeat_interleave(100)
    s = torch.randn(900) * torch.logspace(-4, 1.5, 900)
    value = s + gain * torch.tanh(s)
    torch.testing.assert_close(solve(gain, value), s, rtol=1e-9, atol=1e-9)
    assert torch.autograd.gradcheck(solve, (gain[::50].requires_grad_(), value[::50].requires_grad_()), atol=1e-4)
    single = solve(gain.detach().float(), value.detach().float())
    back = single + gain.detach().float() * single.tanh()
    torch.testing.assert_close(back, value.detach().float(), rtol=1e-5, atol=1e-5)


def test_it_starts_where_every_direction_has_a_gradient() -> None:
    family = Planar(latent_dim=2, flows=5)
    phi = family.initial().expand(1, -1).clone().requires_grad_()
    z, log_q = family(phi).transport(torch.randn(20, 1, 2))
    (gradient,) = torch.autograd.grad((z.square().sum(-1) * z.sum(-1) + log_q).sum(), phi)
    assert (gradient[:, 4:14].abs() > 1e-6).all()  # u: w and b follow once it has moved
    for one in (1, 2, 4):
        w = Planar(latent_dim=1, flows=one).initial()[2 + one : 2 + 2 * one]
        torch.testing.assert_close(w.abs(), torch.ones(one))


def test_no_layer_is_refused() -> None:
    with pytest.raises(UserError, match="posterior=gaussian"):
        Planar(latent_dim=2, flows=0)
