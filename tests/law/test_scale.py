"""1/F of every family is the inverse of E[(∂ log q / ∂φ)²], the diagonal of the Fisher information of q in φ."""

import pytest
import torch
from torch import Tensor

from tests.problems import family_and_model, options
from vaerun.posterior.base import Family

pytestmark = pytest.mark.usefixtures("exact")

SAMPLES = 40_000
# Only an order of magnitude: F depends on weights, on other coordinates of φ, or on how far components overlap.
ROUGH = ("autoregressive_bernoulli", "iaf", "low_rank_gaussian", "mixture", "planar", "spline")


def fisher(family: Family, phi: Tensor) -> Tensor:
    """diag E[∂ log q ∂ log qᵀ] by Monte Carlo, Float[Tensor, "P"], for phi Float[Tensor, "1 P"]."""
    rows = phi.expand(SAMPLES, -1).clone().requires_grad_()
    with torch.no_grad():
        z = family(phi).sample(SAMPLES).transpose(0, 1)
    (score,) = torch.autograd.grad(family(rows).log_prob(z).sum(), rows)
    return score.square().mean(0)


@pytest.mark.parametrize("posterior", options("posterior"))
def test_it_is_the_inverse_of_the_fisher_information(posterior: str) -> None:
    family, _ = family_and_model(posterior, latent_dim=2)
    phi = family.initial() + 0.5 * torch.randn(1, family.num_parameters)
    inverse = family.inverse_fisher(phi)
    assert not inverse.requires_grad
    product = fisher(family, phi) * inverse[0]
    if posterior in ROUGH:
        assert product.max() < 10
        assert 0.05 < product.mean() < 2
    else:
        low = torch.full_like(product, 0.9)
        if posterior == "laplace":
            low[2:] = 0.4  # in log b, F is 1, and 2 is stated
            assert product[2:].max() < 0.6
        assert (product > low).all()
        assert product.max() < 1.1
    assert (family.scale(phi).square() <= inverse * (1 + 1e-9)).all()


def test_of_components_that_are_far_apart_it_is_exact() -> None:
    family, _ = family_and_model("mixture", latent_dim=2)
    logits = torch.tensor([0.0, 1.0, -1.0, 0.5])
    means = 30.0 * torch.arange(4.0).repeat_interleave(2)
    phi = torch.cat((logits, means, 0.3 * torch.randn(8)))[None]
    product = fisher(family, phi) * family.inverse_fisher(phi)[0]
    assert (product - 1).abs().max() < 0.12


def test_a_component_without_weight_has_a_finite_one() -> None:
    family, _ = family_and_model("mixture", latent_dim=2)
    phi = torch.cat((torch.tensor([200.0, 0.0, 0.0, -200.0]), torch.zeros(16)))[None]
    inverse = family.inverse_fisher(phi)[0]
    torch.testing.assert_close(inverse[:4], torch.full((4,), 1000.0))
    torch.testing.assert_close(inverse[4:12], torch.tensor([1.0, 1.0] + 6 * [1000.0]))
    torch.testing.assert_close(inverse[12:], torch.tensor([0.5, 0.5] + 6 * [500.0]))
