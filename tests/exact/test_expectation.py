"""Sums and integrals are those of an oracle that shares no code with them."""

import math

import pytest
import torch
from torch import Tensor

from tests import oracle
from tests.problems import family_and_model, linear_gaussian, objective, options, parameters
from vaerun.exact.expectation import log_evidence, space, spaces, truth, wide_space
from vaerun.model.base import Model
from vaerun.posterior.base import Posterior

pytestmark = pytest.mark.usefixtures("exact")

X = torch.tensor([[1.0, 0.0, 1.0]])
LATENT = {"bernoulli": 2, "autoregressive_bernoulli": 2, "categorical": 4}


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("name", options("objective"))
@pytest.mark.parametrize("posterior", sorted(LATENT))
def test_a_sum_is_the_sum_of_loops(posterior: str, name: str, k: int) -> None:
    family, model = family_and_model(posterior, latent_dim=LATENT[posterior])
    q, J = family(torch.rand(1, family.num_parameters)), objective(name, k, 0.3)
    over = spaces(q, family.latent_dim, k)
    assert over is not None
    listed = oracle.space(family.support, family.latent_dim)
    *wanted, log_p = oracle.loops(q, model, J, X, listed, beta=0.3)
    for found in (truth(q, model, J, X, over[0], beta=0.3), oracle.truth(q, model, J, X, listed, beta=0.3)):
        assert [float(value.detach()) for value in found] == pytest.approx(wanted, abs=1e-12)
    for evidence in (log_evidence(model, X, over[0]), oracle.log_evidence(model, X, listed)):
        assert float(evidence.detach()) == pytest.approx(log_p, abs=1e-12)


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("name", options("objective"))
@pytest.mark.parametrize("posterior", ["gaussian", "mixture"])
def test_an_integral_and_its_gradient_are_those_of_an_even_grid(posterior: str, name: str, k: int) -> None:
    """The grid of ``spaces`` is another one: fine in the middle, coarse far out."""
    family, model = family_and_model(posterior, latent_dim=1)
    J, leaf = objective(name, k, 0.3), torch.rand(1, family.num_parameters).requires_grad_()
    over = spaces(family(leaf), 1, k)
    assert over is not None
    answers = [
        truth(family(leaf), model, J, X, over[0], beta=0.3),
        oracle.truth(family(leaf), model, J, X, oracle.space("real", 1), beta=0.3),
    ]
    torch.testing.assert_close(*answers, rtol=0, atol=1e-9)
    gradients = [torch.autograd.grad(answer.bound, [leaf, *parameters(model)]) for answer in answers]
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-9)


def test_the_evidence_is_the_linear_models_own() -> None:
    model = linear_gaussian(torch.tensor([[1.0], [0.5], [-0.3]]), torch.tensor([0.1, 0.2, 0.3]), 0.7)
    x = torch.randn(4, 3)
    torch.testing.assert_close(log_evidence(model, x, space("real", 1)), model.exact_log_prob(x))
    torch.testing.assert_close(oracle.log_evidence(model, x, oracle.space("real", 1)), model.exact_log_prob(x))


@pytest.mark.parametrize(("support", "dim"), [("binary", 3), ("categorical", 4), ("real", 2)])
def test_a_space_has_the_oracles_points(support: str, dim: int) -> None:
    for found, wanted in zip(space(support, dim, width=2.0), oracle.space(support, dim, width=2.0), strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dim", [1, 2])
def test_a_wide_grid_reaches_a_laplaces_tails_and_its_kink(dim: int) -> None:
    centre, scale = torch.tensor([[0.3, -2.0]])[:, :dim], torch.tensor([[0.5, 2.0]])[:, :dim]
    over = wide_space(centre, scale, 301)
    density = torch.distributions.Laplace(centre, scale / math.sqrt(2))
    mass = (density.log_prob(over.z).sum(-1).exp() * over.volume)[:, 0]
    assert float(mass.sum()) == pytest.approx(1, abs=2e-3)
    torch.testing.assert_close(mass @ over.z[:, 0], centre[0], rtol=0, atol=2e-3)
    assert centre[0].tolist() in over.z[:, 0].tolist()


def test_a_point_without_mass_is_left_out_whatever_its_reward() -> None:
    family, model = family_and_model("bernoulli", latent_dim=1)
    q = family(torch.zeros(1, 1))

    class Certain:
        def log_prob(self, z: Tensor) -> Tensor:
            return torch.where(z[..., 0] == 1, 0.0, -torch.inf)

    class Nowhere:
        def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
            return torch.where(z[..., 0] == 1, model.log_likelihood(x, z), torch.inf)

        def given(self, x: Tensor) -> None:
            return None

        def log_prior(self, z: Tensor, given: None) -> Tensor:
            return model.log_prior(z)

    certain, nowhere = Certain(), Nowhere()
    assert isinstance(q, Posterior)
    assert isinstance(model, Model)
    found = truth(certain, nowhere, objective("iwae", 2), X, space("binary", 1))  # type: ignore[arg-type]
    one = torch.ones(1, 1, 1)
    wanted = model.log_likelihood(X, one) + model.log_prior(one)
    torch.testing.assert_close(found.bound, wanted[0, 0])
