"""q(z; φ) = Π_d Bernoulli(z_d; σ(φ_d))."""

import pytest
import torch
from torch.distributions import Bernoulli, kl_divergence

from tests.problems import node
from vaerun.experiment.make import make

pytestmark = pytest.mark.usefixtures("exact")


def test_density_mean_and_kl_are_those_of_independent_bits() -> None:
    family = make(node("posterior/bernoulli"), {"latent_dim": 3})
    assert family.num_parameters == 3
    phi = torch.randn(4, 3)
    q, peer = family(phi), Bernoulli(logits=phi)
    z = q.sample(5)
    assert set(z.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(q.log_prob(z), peer.log_prob(z).sum(-1))
    torch.testing.assert_close(q.mean(), peer.mean)
    prior = make(node("model/prior/bernoulli"), {"latent_dim": 3})
    with torch.no_grad():
        prior.logits.copy_(torch.tensor([0.5, -1.0, 2.0]))
    wanted = kl_divergence(peer, Bernoulli(logits=prior.logits.detach().expand(4, 3))).sum(-1)
    torch.testing.assert_close(q.kl(prior).detach(), wanted)


def test_a_sure_bit_is_sure() -> None:
    family = make(node("posterior/bernoulli"), {"latent_dim": 2})
    q = family(torch.tensor([[1e4, -1e4]]))
    assert torch.equal(q.sample(50), torch.tensor([1.0, 0.0]).expand(50, 1, 2))
    assert q.log_prob(torch.tensor([[[1.0, 0.0]]])).item() == 0
    assert q.log_prob(torch.tensor([[[0.0, 0.0]]])).item() == pytest.approx(-1e4)
