"""The best φ of each point, where it is known; and a q written in another family."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.evaluation.given import bound_of, gaussian_problem
from tests.problems import bernoulli_space, exact_elbo, family_and_model, linear_gaussian, node, optimal_phi, options
from vaerun.bound.bound import Bound
from vaerun.evaluation import gap_optimum as module
from vaerun.evaluation.ascent import elbo
from vaerun.evaluation.gap_optimum import converted, optimum
from vaerun.experiment.make import make
from vaerun.local.solver import Solution
from vaerun.model.base import Model
from vaerun.posterior.gaussian import Gaussian

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("exact")]


def test_it_is_the_best_diagonal_gaussian_of_five_correlated_latents() -> None:
    model = linear_gaussian(torch.randn(8, 5), torch.zeros(8), 0.4)
    x = model.sample(40)
    found = optimum(bound_of(model, Gaussian(latent_dim=5)), x, torch.zeros(40, 10), starts=2, max_steps=1000)
    lost = (exact_elbo(model, x, optimal_phi(model, x)) - exact_elbo(model, x, found.phi)).detach()
    assert found.converged.all()
    assert float(lost.min()) > -1e-9
    assert float(lost.mean()) < 4e-3
    assert float(lost.max()) < 0.04


def test_what_is_known_already_is_never_lost() -> None:
    bound, x, best = gaussian_problem(orthogonal=False)
    found = optimum(bound, x, best, starts=1, max_steps=20)
    lost = (exact_elbo(bound.model, x, best) - exact_elbo(bound.model, x, found.phi)).detach()
    assert found.converged.all()  # whatever the limit, since nothing is left to gain
    assert float(found.left.abs().max()) < 0.01
    assert float(lost.max()) < 0.01  # the noise of the draws that choose


def test_ascents_that_lose_leave_what_was_known(monkeypatch: pytest.MonkeyPatch) -> None:
    bound, x, best = gaussian_problem(orthogonal=False)
    real = module.ascend

    def lost(bound: Bound, x: Tensor, phi: Tensor, max_steps: int, **keys: Any) -> Solution:
        solution = real(bound, x, phi, max_steps, **keys)
        return solution._replace(phi=solution.phi + 1)

    monkeypatch.setattr(module, "ascend", lost)
    found = optimum(bound, x, best, starts=3, max_steps=40)
    assert float((exact_elbo(bound.model, x, best) - exact_elbo(bound.model, x, found.phi)).detach().max()) < 0.01


def test_a_point_that_was_cut_off_has_not_converged() -> None:
    bound, x, best = gaussian_problem(orthogonal=False)
    far = best + 30.0
    assert not optimum(bound, x, far, starts=1, max_steps=40).converged.any()
    assert optimum(bound, x, far, starts=1, max_steps=2000).converged.all()


class TwoHumps(torch.nn.Module):
    """log p(x given z) = −2 (z² − 4)² + z: two modes, the higher one at z > 0."""

    likelihood_gradient = Model.likelihood_gradient

    def __init__(self) -> None:
        super().__init__()
        _, model = family_and_model("gaussian", latent_dim=1)
        self.prior, self.decoder = model.prior, model.decoder

    def log_likelihood(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        return -2 * (z[..., 0].square() - 4).square() + z[..., 0] + 0 * x.sum(1)

    def given(self, x: torch.Tensor) -> None:
        return None

    def log_prior(self, z: torch.Tensor, given: None) -> torch.Tensor:
        return self.prior.log_prob(z)


def test_of_two_humps_the_higher_one_is_found_from_the_wrong_one() -> None:
    bound, x = bound_of(TwoHumps(), Gaussian(latent_dim=1)), bernoulli_space(3)
    wrong = torch.tensor([[-2.0, -2.0]]).expand(8, 2)
    assert (optimum(bound, x, wrong, starts=1, max_steps=1000).phi[:, 0] < -1.5).all()
    assert (optimum(bound, x, wrong, starts=8, max_steps=1000).phi[:, 0] > 1.5).any()


@pytest.mark.parametrize("option", ["gaussian", "full_gaussian", "low_rank_gaussian", "mixture", "planar"])
def test_a_gaussian_is_found_again_in_a_family_that_has_it(option: str) -> None:
    phi = torch.tensor([[1.0, -2.0, -1.5, -0.5], [0.0, 3.0, 0.2, -2.5]])
    q = Gaussian(latent_dim=2)(phi)
    family = make(node(f"posterior/{option}"), {"latent_dim": 2})
    z = q.sample(4000)
    other = family(converted(q, family, phi))
    divergence = (q.log_prob(z) - other.log_prob(z)).mean(0).detach()
    assert float(divergence.max()) < 0.02


def test_bits_are_found_again_as_bits() -> None:
    family, _ = family_and_model("bernoulli", latent_dim=3)
    phi = torch.tensor([[2.0, -1.0, 0.3]])
    assert torch.allclose(converted(family(phi), family, phi), phi, atol=0.1)


def test_a_conversion_that_is_no_number_is_the_initial_phi() -> None:
    q = Gaussian(latent_dim=1)(torch.tensor([[torch.nan, 0.0], [1.0, 0.0]]))
    found = converted(q, Gaussian(latent_dim=1), torch.zeros(2, 1))
    assert found[0].tolist() == [0.0, 0.0]
    assert float(found[1, 0]) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("posterior", options("posterior"))
def test_every_family_gains(posterior: str) -> None:
    family, model = family_and_model(posterior, latent_dim=2)
    bound, x = bound_of(model, family), bernoulli_space(3)
    start = family.initial().expand(8, -1)
    found = optimum(bound, x, start, starts=3, max_steps=40)
    gained = elbo(bound, x, found.phi, 500, seed=1) - elbo(bound, x, start, 500, seed=1)
    assert float(gained.mean()) > 0.02
