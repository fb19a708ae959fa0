"""1/F of a family is the inverse of E[(∂ log q / ∂φ)²] wherever it is stated, and steps are never longer than it."""

import pytest
import torch

from tests.problems import family_and_model

pytestmark = pytest.mark.usefixtures("exact")


@pytest.mark.parametrize("posterior", ["gaussian", "laplace", "bernoulli", "categorical"])
def test_it_is_the_inverse_of_the_fisher_information(posterior: str) -> None:
    family, _ = family_and_model(posterior, latent_dim=2)
    phi = 0.5 * torch.randn(1, family.num_parameters)
    rows = phi.expand(40_000, -1).clone().requires_grad_()
    z = family(phi).sample(len(rows)).transpose(0, 1)
    (score,) = torch.autograd.grad(family(rows).log_prob(z).sum(), rows)
    fisher = score.square().mean(0)
    product = fisher * family.inverse_fisher(phi)[0]
    allowed = 0.55 if posterior == "laplace" else 0.1  # in log b, F is 1 and not 2
    assert (product - 1).abs().max() < allowed
    assert (family.scale(phi).square() <= family.inverse_fisher(phi) * (1 + 1e-9)).all()
