"""q(z; φ) = Bernoulli(z_1; σ(φ)) Π_l Bernoulli(z_l; σ(f_l(2 z_{l−1} − 1)))."""

import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli

from tests.problems import node
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.posterior.bernoulli import corners
from vaerun.posterior.layered_bernoulli import LayeredBernoulli

pytestmark = pytest.mark.usefixtures("exact")


def family_of(*layers: int, hidden: tuple[int, ...] = ()) -> LayeredBernoulli:
    facts = {"latent_dim": sum(layers), "latent_layers": layers}
    family: LayeredBernoulli = make(node("posterior/layered_bernoulli", hidden=list(hidden)), facts)
    with torch.no_grad():
        for weight in family.parameters():
            weight.add_(torch.randn_like(weight))
    return family


@pytest.mark.parametrize("hidden", [(), (4,)])
def test_each_layer_is_bits_given_the_one_below(hidden: tuple[int, ...]) -> None:
    family, phi = family_of(2, 3, 1, hidden=hidden), torch.randn(1, 2)
    z = corners(torch.empty(1, 6))
    z1, z2, z3 = z.split((2, 3, 1), dim=-1)
    second, third = family.maps
    peer = Bernoulli(logits=phi.expand_as(z1)).log_prob(z1).sum(-1)
    peer = peer + Bernoulli(logits=second(2 * z1 - 1)).log_prob(z2).sum(-1)
    peer = peer + Bernoulli(logits=third(2 * z2 - 1)).log_prob(z3).sum(-1)
    q = family(phi)
    torch.testing.assert_close(q.log_prob(z), peer)
    assert float(peer.detach().exp().sum()) == pytest.approx(1)

    count = 100_000
    p, frequency = peer.detach().exp()[:, 0], histogram(q.sample(count))
    assert ((frequency - p).abs() < 5 * (p * (1 - p) / count).sqrt()).all()


def histogram(z: Tensor) -> Tensor:
    """The frequency of every value of z, Float[Tensor, "K 1 D"], in the order of ``corners``."""
    places = 2 ** torch.arange(z.shape[-1] - 1, -1, -1)
    return torch.bincount((z[:, 0].long() * places).sum(-1), minlength=2 ** z.shape[-1]).double() / len(z)


def test_it_starts_near_probability_one_half() -> None:
    family: LayeredBernoulli = make(node("posterior/layered_bernoulli"), {"latent_dim": 5, "latent_layers": (3, 2)})
    log_q = family(family.initial().unsqueeze(0)).log_prob(corners(torch.empty(1, 5)))
    torch.testing.assert_close(log_q, torch.full_like(log_q, -5 * torch.tensor(2.0).log().item()), atol=0.1, rtol=0)
    assert log_q.std() > 0  # … but not at it, where the maps would have no gradient


def test_frozen_has_the_density_and_no_gradient_but_in_z() -> None:
    family, z = family_of(2, 1), torch.rand(3, 4, 3, requires_grad=True)
    q = family(torch.randn(4, 2, requires_grad=True))
    torch.testing.assert_close(q.frozen().log_prob(z), q.log_prob(z).detach())
    assert not q.frozen().log_prob(z.detach()).requires_grad
    (slope,) = torch.autograd.grad(q.frozen().log_prob(z).sum(), z)
    (wanted,) = torch.autograd.grad(q.log_prob(z).sum(), z)
    torch.testing.assert_close(slope, wanted)
    assert slope.any()


def test_the_layers_are_those_of_the_model_or_two_halves() -> None:
    option = node("posterior/layered_bernoulli")
    family = make(option, {"latent_dim": 5, "latent_layers": (4, 1)})
    assert (family.layers, family.num_layers, family.num_parameters) == ([4, 1], 2, 4)
    assert make(option, {"latent_dim": 5}).layers == [3, 2]
    assert make(option, {"latent_dim": 1}).num_layers == 1
    with pytest.raises(UserError, match=r"posterior=layered_bernoulli must have .* 4 together, got"):
        make(option, {"latent_dim": 4, "latent_layers": (2, 1)})
