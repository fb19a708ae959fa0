"""p_θ(x, z) = p(x given decoder(z)) p_θ(z)."""

from typing import Any

import pytest
import torch
from torch import nn

from tests.problems import bernoulli_space, family_and_model, node, space
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.model.vae import VAE

pytestmark = pytest.mark.usefixtures("exact")

MEAN = torch.tensor([0.1, 0.5, 0.9])


def vae(likelihood: str, **keys: Any) -> VAE:
    facts = {"latent_dim": 2, "data_dim": 3, "data_mean": MEAN.double(), "data_std": 0.4}
    return make(node("model/vae", {"likelihood": likelihood}, latent_dim=2, **keys), facts)


def test_it_is_a_distribution_over_x() -> None:
    """Σ_x Σ_z p(x, z) = 1 over all of {0, 1}^X and {0, 1}^D."""
    _, model = family_and_model("bernoulli", latent_dim=2)
    x, z = bernoulli_space(3), space("binary", 2).z
    assert float(model.log_joint(x, z.expand(-1, 8, -1)).exp().sum().detach()) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian", "cross_entropy"])
def test_without_z_the_first_model_has_the_datas_mean(likelihood: str) -> None:
    model = vae(likelihood)
    last = model.decoder.layers[-1]
    with torch.no_grad():
        last.weight.zero_()
    torch.testing.assert_close(model.mean(torch.randn(5, 2)).detach(), MEAN.double().expand(5, 3))


def test_the_start_at_the_datas_mean_is_a_choice() -> None:
    torch.manual_seed(0)
    with_it = vae("bernoulli")
    torch.manual_seed(0)
    without = vae("bernoulli", bias_from_data=False)
    assert torch.allclose(with_it.decoder.layers[-1].bias, MEAN.double().logit())
    assert without.decoder.layers[-1].bias.abs().max() < 0.3
    assert torch.equal(with_it.decoder.layers[0].weight, without.decoder.layers[0].weight)


def test_it_is_a_density_if_its_likelihood_is_one() -> None:
    assert vae("bernoulli").is_density
    assert vae("gaussian").is_density
    assert not vae("cross_entropy").is_density


def test_theta_is_decoder_likelihood_and_prior() -> None:
    model = make(
        node("model/vae", {"likelihood": "gaussian", "prior": "bernoulli"}, latent_dim=2),
        {"latent_dim": 2, "data_dim": 3, "data_mean": MEAN, "data_std": 0.4},
    )
    names = dict(model.named_parameters())
    assert {"likelihood.raw_log_sigma", "prior.logits"} < set(names)
    model.log_joint(torch.zeros(4, 3), torch.ones(2, 4, 2)).sum().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in names.values())
    assert isinstance(model.decoder.layers[-1], nn.Linear)


def test_a_latent_without_coordinates_is_refused() -> None:
    facts = {"data_dim": 3, "data_mean": MEAN, "data_std": 0.4}
    vae_without = node("model/vae", latent_dim=0)
    vae_without["prior"]["latent_dim"] = 1
    with pytest.raises(UserError, match=r"^model\.latent_dim must be at least 1, got 0\.$"):
        make(vae_without, facts)
