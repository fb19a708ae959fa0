"""L_K at a large K against log p(x), and the sentence that says when K was too small."""

import logging
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.evaluation.given import Given, bound_of, gaussian_problem
from tests.problems import (
    bernoulli_space,
    dataset,
    exact_elbo,
    family_and_model,
    linear_gaussian,
    log_evidence,
    node,
    objective,
    optimal_phi,
    space,
    truth,
)
from vaerun.errors import UserError
from vaerun.evaluation import marginal as module
from vaerun.evaluation.marginal import MarginalEvaluation
from vaerun.execution import memory as chunk
from vaerun.experiment.make import make
from vaerun.model.linear_gaussian import LinearGaussian

pytestmark = pytest.mark.usefixtures("exact")


def wide(phi: Tensor) -> Tensor:
    """φ of a Gaussian q around the same mean, with σ so large that its weights are bounded."""
    return torch.cat((phi.chunk(2, 1)[0], torch.zeros(len(phi), phi.shape[1] // 2)), 1)


@pytest.mark.parametrize("numbers", [2**19, 60, 1])
@pytest.mark.parametrize("K", [1, 30, 500])
def test_at_the_exact_posterior_it_is_log_p_with_every_sample_effective(
    K: int, numbers: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bound, x, phi = gaussian_problem(orthogonal=True)
    monkeypatch.setattr(chunk, "NUMBERS", {"cpu": numbers})
    monkeypatch.setattr(module, "TOGETHER", 4)
    found = MarginalEvaluation(num_samples=K)(Given(bound, phi), dataset(x)).metrics
    log_p = bound.model.exact_log_prob(x).detach()
    assert found[f"iwae_{K}/test"] == pytest.approx(float(log_p.mean()), abs=1e-9)
    assert found[f"iwae_{K}_se/test"] == pytest.approx(float(log_p.std() / 3), abs=1e-9)
    assert found["ess/test"] == pytest.approx(K)
    assert found["ess_min/test"] == pytest.approx(K)
    assert ("pareto_k/test" in found) == (K > 20)
    assert found.get("pareto_k_above_0.7/test", 0) == 0
    assert not caplog.records


def test_it_rises_from_the_elbo_to_log_p_as_k_grows() -> None:
    bound, x, phi = gaussian_problem(orthogonal=False, n=400)
    phi = wide(phi)
    log_p = float(bound.model.exact_log_prob(x).detach().mean())
    strategy, data, found = Given(bound, phi), dataset(x), []
    for K in (1, 4, 16, 64, 1000):
        torch.manual_seed(K)
        found.append(MarginalEvaluation(num_samples=K)(strategy, data).metrics[f"iwae_{K}/test"])
    assert found[0] == pytest.approx(float(exact_elbo(bound.model, x, phi).detach().mean()), abs=0.4)
    assert found == sorted(found)
    assert log_p - 0.02 < found[-1] < log_p + 0.01


def test_in_one_dimension_its_mean_and_the_effective_samples_are_those_of_quadrature() -> None:
    family, model = family_and_model("gaussian", latent_dim=1)
    n = 4000
    x, over = bernoulli_space(3)[[5]], space("real", 1, width=9.0, cell=0.2)
    phi = torch.tensor([[0.3, 0.4]])
    q, strategy = family(phi), Given(bound_of(model, family), phi.expand(n, -1))
    two = MarginalEvaluation(num_samples=2)(strategy, dataset(x.expand(n, -1))).metrics
    exact = float(truth(q, model, objective("iwae", 2), x, over).bound.detach())
    log_p = log_evidence(model, x, over).detach()
    error = two["iwae_2_se/test"]
    assert two["iwae_2/test"] == pytest.approx(exact, abs=3 * error)
    assert float(log_p) - exact > 6 * error  # so that another K or no division by K would show
    log_w = (model.log_joint(x, over.z) - q.log_prob(over.z))[:, 0] - log_p
    variance = float(((q.log_prob(over.z)[:, 0] + 2 * log_w).exp() * over.volume[:, 0]).sum().detach() - 1)
    many = MarginalEvaluation(num_samples=1000, points=50)(strategy, dataset(x.expand(n, -1))).metrics
    assert many["ess/test"] / 1000 == pytest.approx(1 / (1 + variance), rel=0.03)


def test_bits_have_weights_too() -> None:
    family, model = family_and_model("bernoulli", latent_dim=3)
    x = bernoulli_space(3)
    found = MarginalEvaluation(num_samples=4000)(Given(bound_of(model, family), torch.zeros(8, 3)), dataset(x)).metrics
    log_p = log_evidence(model, x, space("binary", 3)).detach()
    assert found["iwae_4000/test"] == pytest.approx(float(log_p.mean()), abs=0.02)
    assert all(math.isfinite(value) for value in found.values())


def narrow(scale: float) -> tuple[Given, Tensor, LinearGaussian]:
    """q with a variance ``scale`` times that of the posterior: k̂ = 1 − scale, which Var w = ∞ from scale ½ down."""
    model = linear_gaussian(torch.tensor([[1.0]]), torch.zeros(1), 1.0)
    x = model.sample(20)
    phi = optimal_phi(model, x)
    log_sigma = 0.5 * math.log(0.5 * scale)
    phi[:, 1] = 7 * math.atanh(log_sigma / 7)
    bound = bound_of(model, make(node("posterior/gaussian"), {"latent_dim": 1}), estimator="reparam", k=8)
    return Given(bound, phi), x, model


def test_a_k_too_small_is_said_in_one_sentence_with_its_remedies(caplog: pytest.LogCaptureFixture) -> None:
    strategy, x, _ = narrow(0.05)
    with caplog.at_level(logging.WARNING, "vaerun"):
        found = MarginalEvaluation(num_samples=1000)(strategy, dataset(x)).metrics
    assert found["pareto_k_above_0.7/test"] > 0.5
    assert found["pareto_k/test"] > 0.7
    assert found["ess_min/test"] < found["ess/test"] < 300
    (record,) = caplog.records
    for words in ("K = 1,000 is too small for", "of 20 points", "k̂ > 0.7", "a richer posterior", "evaluation.refine"):
        assert words in record.getMessage()


def test_a_light_tail_is_passed_over_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    strategy, x, _ = narrow(0.8)
    found = MarginalEvaluation(num_samples=1000)(strategy, dataset(x)).metrics
    assert found["pareto_k_above_0.7/test"] == 0
    assert found["pareto_k/test"] < 0.5
    assert not caplog.records


def test_refining_finds_the_posterior_where_the_family_has_it(caplog: pytest.LogCaptureFixture) -> None:
    strategy, x, model = narrow(0.05)
    log_p = float(model.exact_log_prob(x).detach().mean())
    before = MarginalEvaluation(num_samples=50)(strategy, dataset(x)).metrics
    after = MarginalEvaluation(num_samples=50, refine=300)(strategy, dataset(x)).metrics
    assert abs(after["iwae_50/test"] - log_p) < 0.01 < abs(before["iwae_50/test"] - log_p)
    assert after["ess_min/test"] > 40 > before["ess_min/test"]
    assert caplog.text.count("too small") == 1


def test_what_is_no_density_has_no_bound() -> None:
    facts = {"latent_dim": 2, "data_dim": 3, "data_mean": torch.full((3,), 0.5), "data_std": 1.0}
    model = make(node("model/vae", {"likelihood": "cross_entropy"}, latent_dim=2), facts)
    bound = bound_of(model, make(node("posterior/gaussian"), facts))
    found = MarginalEvaluation(num_samples=2)(Given(bound, torch.zeros(4, 4)), dataset(torch.rand(4, 3))).metrics
    names = ("iwae_2", "iwae_2_se", "elbo", "elbo_se")
    assert set(found) == {*(f"pseudo_{name}/test" for name in names), "ess/test", "ess_min/test"}


@pytest.mark.parametrize("keys", [{"split": "all"}, {"num_samples": 0}, {"points": 0}, {"refine": -1}])
def test_what_cannot_be_evaluated_is_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=f"evaluation.{next(iter(keys))}"):
        MarginalEvaluation(**keys)
