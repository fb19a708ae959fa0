"""p_θ(x, z) = p(x given z_1) N(z_1; μ(z_2), diag σ²(z_2)) N(z_2; 0, I)."""

from typing import Any

import pytest
import torch
from torch.distributions import Normal

from tests.problems import node, space
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.model.hierarchical import Hierarchical, LayeredNormal
from vaerun.model.prior.standard_normal import StandardNormal

pytestmark = pytest.mark.usefixtures("exact")

MEAN = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)


def model_of(*layers: int, **keys: Any) -> Hierarchical:
    facts = {"latent_dim": None, "data_dim": 3, "data_mean": MEAN, "data_std": 0.4}
    return make(node("model/hierarchical", layers=list(layers), **keys), facts)


def prior_of(model: Hierarchical) -> LayeredNormal:
    assert isinstance(model.prior, LayeredNormal)
    return model.prior


def test_each_layer_is_normal_given_the_one_above() -> None:
    model, z = model_of(3, 2, 1), torch.randn(4, 5, 6)
    z1, z2, z3 = z.split([3, 2, 1], dim=-1)
    first, second = prior_of(model).maps
    peer = Normal(0.0, 1.0).log_prob(z3).sum(-1)
    for below, above, read in ((z2, z3, second), (z1, z2, first)):
        mu, raw = read(above).chunk(2, dim=-1)
        peer = peer + Normal(mu, (7 * (raw / 7).tanh()).exp()).log_prob(below).sum(-1)
    torch.testing.assert_close(model.log_prior(z), peer)
    assert model.latent_dim == 6


def test_x_sees_the_lowest_layer_alone() -> None:
    model, z, x = model_of(2, 1), torch.randn(4, 5, 3), torch.ones(5, 3)
    elsewhere = torch.cat((z[..., :2], z[..., 2:] + 1), -1)
    assert torch.equal(model.log_likelihood(x, z), model.log_likelihood(x, elsewhere))
    assert not torch.equal(model.log_prior(z), model.log_prior(elsewhere))


def test_its_samples_have_the_moments_of_its_density() -> None:
    """Also across the layers, which a prior that drew them apart would miss."""
    model, n = model_of(1, 1, hidden=[8]), 20_000
    with torch.no_grad():
        for weight in model.prior.parameters():
            weight.mul_(2)
    over = space("real", 2, width=12.0, cell=0.1)
    p = (model.prior.log_prob(over.z).exp() * over.volume).detach()
    assert float(p.sum()) == pytest.approx(1, abs=1e-9)
    z = model.prior.sample(n)
    for f, exact_f in ((z, over.z), (z.square(), over.z.square()), (z * z.flip(-1), over.z * over.z.flip(-1))):
        mean, square = (p * exact_f[:, 0]).sum(0), (p * exact_f[:, 0].square()).sum(0)
        assert (f.mean(0) - mean).abs().lt(5 * ((square - mean.square()) / n).sqrt()).all()
    assert (p * over.z.prod(-1)).sum().abs() > 0.1


def test_one_layer_is_a_vae() -> None:
    model, z = model_of(2), torch.randn(4, 5, 2)
    assert isinstance(model.prior, StandardNormal)
    torch.testing.assert_close(model.log_prior(z), Normal(0.0, 1.0).log_prob(z).sum(-1))


def test_no_network_output_makes_a_scale_overflow() -> None:
    torch.set_default_dtype(torch.float32)
    facts = {"latent_dim": None, "data_dim": 3, "data_mean": MEAN.float(), "data_std": 0.4}
    model = make(node("model/hierarchical", layers=[2, 1]), facts)
    with torch.no_grad():
        for weight in model.prior.parameters():
            weight.fill_(1e4)
    log_p = model.log_prior(model.prior.sample(5))
    assert log_p.isfinite().all()


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({}, "model.layers must hold one or more sizes"),
        ({"activation": "tan"}, "activation must be one of .*, got tan"),
    ],
)
def test_what_is_no_model_is_refused(keys: dict[str, str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        model_of(*([2, 1] if keys else []), **keys)
