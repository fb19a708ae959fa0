"""Annealed importance sampling against exact log p(x): from below, and on simulated data from both sides."""

import logging
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.evaluation.given import Given, bound_of, gaussian_problem
from tests.problems import bernoulli_space, dataset, family_and_model, linear_gaussian, log_evidence, node, space
from vaerun.errors import UserError
from vaerun.evaluation.ais import AISEvaluation, log_mean, start
from vaerun.evaluation.annealing import backward, forward, sigmoidal, step_sizes
from vaerun.evaluation.hmc import Hamiltonian
from vaerun.evaluation.transition import ChainState, Transition
from vaerun.execution import memory as chunk
from vaerun.experiment.make import make
from vaerun.model.linear_gaussian import LinearGaussian

pytestmark = pytest.mark.usefixtures("exact")

SHORT = {"chains": 16, "temperatures": 150, "leapfrog": 5, "points": None}


@pytest.mark.parametrize("sharpness", [0.0, 4.0])
def test_the_schedule_goes_from_prior_to_posterior(sharpness: float) -> None:
    betas = sigmoidal(10, sharpness)
    assert len(betas) == 11
    assert betas[0] == 0
    assert betas[-1] == 1
    assert betas == sorted(set(betas))
    assert betas[5] == pytest.approx(0.5)
    assert [1 - beta for beta in reversed(betas)] == pytest.approx(betas)
    logistic = [1 / (1 + math.exp(-sharpness * (0.2 * t - 1))) for t in range(11)]
    if sharpness:
        scaled = [(value - logistic[0]) / (logistic[-1] - logistic[0]) for value in logistic]
        assert betas == pytest.approx(scaled)
    else:
        assert betas == pytest.approx([t / 10 for t in range(11)])


def test_one_temperature_is_importance_sampling_from_the_prior() -> None:
    bound, x, phi = gaussian_problem(orthogonal=False)
    found = AISEvaluation(chains=3, temperatures=1, points=None)(Given(bound, phi), dataset(x)).metrics
    torch.manual_seed(0)
    bound, x, phi = gaussian_problem(orthogonal=False)
    start(bound.model, 4, x)
    z = start(bound.model, 3, x)
    expected = bound.model.log_likelihood(x, z).logsumexp(0) - math.log(3)
    assert found["ais/test"] == pytest.approx(float(expected.detach().mean()), abs=1e-9)


@pytest.mark.parametrize("numbers", [2**19, 1000])
def test_on_the_linear_gaussian_model_it_is_within_five_hundredths_of_log_p(
    numbers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunk, "NUMBERS", {"cpu": numbers})
    bound, x, phi = gaussian_problem(orthogonal=False, n=40)
    log_p = bound.model.exact_log_prob(x).detach()
    found = AISEvaluation(**SHORT)(Given(bound, phi), dataset(x)).metrics
    assert found["ais/test"] == pytest.approx(float(log_p.mean()), abs=0.05)
    assert found["ais_se/test"] == pytest.approx(float(log_p.std() / math.sqrt(40)), rel=0.1)
    assert 0.7 < found["ais_acceptance/test"] < 0.9
    assert 8 < found["ais_ess/test"] <= 16
    assert set(found) == {"ais/test", "ais_se/test", "ais_acceptance/test", "ais_ess/test"}


def test_simulated_points_are_bounded_from_both_sides() -> None:
    bound, x, phi = gaussian_problem(orthogonal=False, n=60)
    found = AISEvaluation(simulate=True, **SHORT | {"temperatures": 300})(Given(bound, phi), dataset(x)).metrics
    torch.manual_seed(0)
    bound, x, _ = gaussian_problem(orthogonal=False, n=60)
    z = bound.model.prior.sample(60)
    log_p = float(bound.model.exact_log_prob(bound.model.observe(z)).detach().mean())
    assert log_p - 0.05 < found["ais_lower/simulated"] < log_p + 0.03
    assert log_p - 0.03 < found["ais_upper/simulated"] < log_p + 0.05
    assert found["ais_width/simulated"] == pytest.approx(found["ais_upper/simulated"] - found["ais_lower/simulated"])
    assert 0 < found["ais_width/simulated"] < 0.1
    assert found["ais_width_se/simulated"] < 0.03


def one_point(temperatures: int, n: int) -> tuple[LinearGaussian, Tensor, Tensor, list[float]]:
    """A model of one latent, n points with their z, and a short linear schedule, so that a pass has much to do."""
    model = linear_gaussian(torch.tensor([[1.0], [0.5]]), torch.zeros(2), 0.5)
    z = model.prior.sample(n)
    return model, model.observe(z), z, sigmoidal(temperatures, 0.0)


def test_the_mean_weight_is_p_on_the_way_up_and_one_over_p_on_the_way_down() -> None:
    """E[w/p] = 1 and E[p/w] = 1, by a z-test at a T so small that E[log w] is far from log p."""
    model, x, z, betas = one_point(8, 40_000)
    transition = Hamiltonian(model=model, steps=2)
    sizes = torch.full((7, len(x)), 0.4)
    log_p = model.exact_log_prob(x).detach()
    up = forward(transition, x, start(model, 1, x), betas, sizes).log_weight[0] - log_p
    down = log_p - backward(transition, x, z.unsqueeze(0), betas, sizes).log_weight[0]
    for log_ratio in (up, down):
        ratio = log_ratio.exp()
        error = float(ratio.std()) / math.sqrt(len(x))
        assert float(ratio.mean()) == pytest.approx(1, abs=3.5 * error)
        assert error < 0.05
        assert float(log_ratio.mean()) < -0.05


class Exact(Transition):
    """Draws from p(z) p(x given z)^β of the linear-Gaussian model, wherever a chain is."""

    target_acceptance = None
    model: LinearGaussian

    def state(self, x: Tensor, z: Tensor) -> ChainState:
        none = z.new_empty(*z.shape[:2], 0)
        return ChainState(z, self.model.log_likelihood(x, z).detach(), self.model.log_prior(z), none, none)

    def move(self, x: Tensor, place: ChainState, beta: float, size: Tensor) -> tuple[ChainState, Tensor]:
        W, scale = self.model.W.detach(), beta * (-2 * self.model.log_sigma()).exp().detach()
        covariance = (torch.eye(W.shape[1]) + scale * W.T @ W).inverse()
        noise = torch.randn_like(place.z) @ torch.linalg.cholesky(covariance).T
        return self.state(x, scale * x @ W @ covariance + noise), torch.ones_like(place.log_prior)


def test_with_exact_moves_the_width_times_t_is_the_rise_of_the_likelihood() -> None:
    """Width · T = E_post[log p(x given z)] − E_prior[log p(x given z)] at linear temperatures, at every T."""
    model, x, z, _ = one_point(1, 4000)
    transition = Exact(model=model, steps=1)
    prior = model.log_likelihood(x, start(model, 50, x)).detach().mean()
    rise = float(model.log_likelihood(x, z.unsqueeze(0)).detach().mean() - prior)
    for T in (5, 20, 80):
        betas, sizes = sigmoidal(T, 0.0), torch.ones(T - 1, len(x))
        low = forward(transition, x, start(model, 1, x), betas, sizes).log_weight
        high = backward(transition, x, z.unsqueeze(0), betas, sizes).log_weight
        assert float((high - low).mean()) * T == pytest.approx(rise, rel=0.1)


def test_step_sizes_follow_the_acceptance_rate() -> None:
    model, x, _, _ = one_point(1, 10)
    model.raw_log_sigma.data.fill_(-3.0)  # a posterior far narrower than the prior
    transition = Hamiltonian(model=model, steps=5)
    betas = sigmoidal(200, 4.0)
    sizes = step_sizes(transition, x, start(model, 8, x), betas)
    assert sizes.shape == (199, 10)
    assert (sizes[-1] < 0.3 * sizes[0]).all()
    result = forward(transition, x, start(model, 8, x), betas, sizes)
    assert float(result.acceptance.mean()) == pytest.approx(0.8, abs=0.1)


@pytest.mark.parametrize("posterior", ["bernoulli", "categorical"])
def test_bits_and_blocks_are_annealed_by_switches(posterior: str) -> None:
    family, model = family_and_model(posterior, latent_dim=4)
    x = bernoulli_space(3)
    strategy = Given(bound_of(model, family), torch.zeros(8, family.num_parameters))
    log_p = log_evidence(model, x, space(family.support, 4)).detach()
    found = AISEvaluation(chains=100, temperatures=50, leapfrog=4)(strategy, dataset(x)).metrics
    assert found["ais/test"] == pytest.approx(float(log_p.mean()), abs=0.02)
    sandwich = AISEvaluation(simulate=True, chains=20, temperatures=50, leapfrog=4)(strategy, dataset(x)).metrics
    assert abs(sandwich["ais_width/simulated"]) < 0.1


def test_few_effective_chains_are_said(caplog: pytest.LogCaptureFixture) -> None:
    model = linear_gaussian(torch.randn(6, 3), torch.zeros(6), 0.02)
    x = model.sample(5)
    bound = bound_of(model, make(node("posterior/gaussian"), {"latent_dim": 3}))
    with caplog.at_level(logging.WARNING, "vaerun"):
        AISEvaluation(temperatures=2, leapfrog=1, chains=8)(Given(bound, torch.zeros(5, 6)), dataset(x))
    (record,) = caplog.records
    assert "annealed chains" in record.getMessage()
    assert "evaluation.temperatures=8" in record.getMessage()


def test_what_is_no_density_has_no_bound() -> None:
    facts = {"latent_dim": 2, "data_dim": 3, "data_mean": torch.full((3,), 0.5), "data_std": 1.0}
    model = make(node("model/vae", {"likelihood": "cross_entropy"}, latent_dim=2), facts)
    bound = bound_of(model, make(node("posterior/gaussian"), facts))
    found = AISEvaluation(temperatures=3, chains=2)(Given(bound, torch.zeros(4, 4)), dataset(torch.rand(4, 3))).metrics
    assert set(found) == {"pseudo_ais/test", "pseudo_ais_se/test", "ais_acceptance/test", "ais_ess/test"}


def test_the_mean_of_weights() -> None:
    assert log_mean(torch.tensor([[0.0], [math.log(3)]])).tolist() == pytest.approx([math.log(2)])


@pytest.mark.parametrize(
    "keys", [{"split": "all"}, {"points": 0}, {"chains": 0}, {"temperatures": 0}, {"leapfrog": 0}, {"sharpness": -1.0}]
)
def test_what_cannot_be_evaluated_is_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=f"evaluation.{next(iter(keys))}"):
        AISEvaluation(**keys)
