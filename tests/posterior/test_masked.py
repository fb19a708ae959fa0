"""y_d = f(z_1, …, z_{d−1}, c)."""

import pytest
import torch
from torch.func import jacrev

from vaerun.errors import UserError
from vaerun.posterior.autoregressive_bernoulli import AutoregressiveBernoulli
from vaerun.posterior.autoregressive_gaussian import AutoregressiveGaussian
from vaerun.posterior.base import Family
from vaerun.posterior.masked import MaskedNetwork, constant

pytestmark = pytest.mark.usefixtures("exact")


@pytest.mark.parametrize(("dim", "hidden"), [(1, 4), (2, 1), (4, 64), (5, 3)])
def test_no_output_sees_its_own_coordinate_or_a_later_one(dim: int, hidden: int) -> None:
    network = MaskedNetwork(latent_dim=dim, context_dim=2, outputs=3, hidden=hidden)
    context = torch.randn(1, 2)
    jacobian = jacrev(lambda z: network(z.reshape(1, 1, dim), context)[0, 0])(torch.randn(dim))  # [D, O, D]
    assert jacobian.shape == (dim, 3, dim)
    seen = (jacobian != 0).any(1)
    assert not torch.triu(seen).any()
    if hidden >= dim:  # then everything before a coordinate is seen
        assert seen.sum() == dim * (dim - 1) // 2


def test_it_starts_near_zero_and_sees_its_context() -> None:
    network = MaskedNetwork(latent_dim=3, context_dim=2, outputs=1, hidden=16)
    y = network(torch.randn(50, 2, 3), torch.randn(2, 2))
    assert y.abs().max() < 0.1
    seen = jacrev(lambda c: network(torch.zeros(1, 1, 3), c)[0, 0])(torch.randn(1, 2))
    assert (seen != 0).all()
    assert {"see_z", "see_hidden"}.isdisjoint(network.state_dict())


def test_as_a_constant_it_is_the_same_function() -> None:
    network = MaskedNetwork(latent_dim=3, context_dim=2, outputs=1, hidden=16)
    z, context = torch.randn(5, 2, 3), torch.randn(2, 2)
    assert torch.equal(constant(network)(z, context), network(z, context))
    assert not constant(network)(z, context).requires_grad


@pytest.mark.parametrize("family", [AutoregressiveBernoulli, AutoregressiveGaussian])
def test_a_network_without_units_is_refused(family: type[Family]) -> None:
    with pytest.raises(UserError, match=r"posterior\.hidden must be at least 1, got 0"):
        family(latent_dim=3, hidden=0)
