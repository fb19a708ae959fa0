"""What latents carry, against linear-Gaussian models, quadrature and sums over all z."""

import logging
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.evaluation.given import Given, bound_of
from tests.problems import dataset, family_and_model, linear_gaussian, node, optimal_phi, options, prior_over, space
from vaerun.data.base import Dataset
from vaerun.errors import UserError
from vaerun.evaluation.kl_per_dimension import kl_per_dimension
from vaerun.evaluation.latent import LatentEvaluation, aggregate_log_prob, half_width
from vaerun.evaluation.results import Results
from vaerun.execution import memory as chunk
from vaerun.experiment.make import make
from vaerun.posterior.active_units import DRAWS, means, variance
from vaerun.posterior.base import ClosedFormKL, ClosedFormMean
from vaerun.system.warning import warn_once

pytestmark = pytest.mark.usefixtures("exact")


def given(phi: Tensor, posterior: str = "gaussian", latent_dim: int = 1) -> Given:
    """A strategy with these φ; its model's weights have no part in the figures, but for the prior's."""
    family, model = family_and_model(posterior, latent_dim=latent_dim)
    return Given(bound_of(model, family), phi)


def points(n: int) -> Any:
    return dataset(torch.zeros(n, 3))


def test_a_linear_gaussian_model_has_the_information_of_its_channel() -> None:
    """At the exact posterior I = ½ log|Λ| and q(z) = p(z); each of two units has ½ log Λ_dd, and one is idle."""
    W = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.3, 0.0], [0.0, 0.0, 0.02], [0.0, 0.3, 0.0]])
    model = linear_gaussian(W, torch.zeros(4), 0.5)
    x = model.sample(3000)
    bound = bound_of(model, make(node("posterior/gaussian"), {"latent_dim": 3}))
    found = LatentEvaluation(points=None, num_samples=2)(Given(bound, optimal_phi(model, x)), dataset(x)).metrics
    each = 0.5 * model.precision().diagonal().log().detach()
    exact = float(each.sum())
    for name in ("kl", "mutual_information"):
        assert found[f"{name}/test"] == pytest.approx(exact, abs=4 * found[f"{name}_se/test"])
    assert found["marginal_kl/test"] == pytest.approx(0, abs=0.02)
    assert found["marginal_kl/test"] == pytest.approx(found["kl/test"] - found["mutual_information/test"])
    for d, kl in enumerate(each.tolist()):
        assert found[f"kl_dimension_{d}/test"] == pytest.approx(kl, abs=0.04)
    assert found["active_units/test"] == 2
    assert found["mutual_information_ceiling/test"] == pytest.approx(math.log(3000))


def test_of_two_points_the_information_is_that_of_quadrature() -> None:
    phi = torch.tensor([[0.7, 0.2], [-0.4, -0.9]])
    strategy, over = given(phi), space("real", 1, width=12, cell=0.02)
    q = strategy.bound.family(phi)
    log_q = q.log_prob(over.z.expand(-1, 2, -1))  # [S, 2]
    mixture = (log_q.logsumexp(1) - math.log(2)).unsqueeze(1)
    apart = (log_q.exp() * (log_q - mixture) * over.volume).sum(0)
    exact = float(apart.mean())
    log_prior = strategy.bound.model.log_prior(over.z)
    marginal = float((mixture.exp() * (mixture - log_prior) * over.volume).sum())
    found = LatentEvaluation(num_samples=100_000)(strategy, points(2)).metrics
    assert found["mutual_information/test"] == pytest.approx(exact, abs=0.01)
    assert found["mutual_information_se/test"] == pytest.approx(float(apart.std()) / math.sqrt(2), abs=0.005)
    assert found["marginal_kl/test"] == pytest.approx(marginal, abs=0.01)
    assert 0.1 < exact < math.log(2)
    kl = q.kl(strategy.bound.model.prior)
    assert found["kl/test"] == pytest.approx(float(kl.mean()), abs=0.01)
    assert found["kl_dimension_0/test"] == pytest.approx(float(kl.mean()), abs=1e-12)


def test_of_bits_the_information_is_that_of_all_their_values() -> None:
    phi = torch.tensor([[2.0, 0.0], [-1.0, 1.0], [0.0, 0.3]])
    strategy, z = given(phi, "bernoulli", 2), space("binary", 2).z
    log_q = strategy.bound.family(phi).log_prob(z.expand(-1, 3, -1))
    mixture = log_q.logsumexp(1, keepdim=True) - math.log(3)
    exact = float((log_q.exp() * (log_q - mixture)).sum() / 3)
    found = LatentEvaluation(num_samples=50_000)(strategy, points(3)).metrics
    assert found["mutual_information/test"] == pytest.approx(exact, abs=0.01)
    assert "active_units/test" not in found  # 3 points say nothing about it
    twenty = LatentEvaluation()(given(phi.repeat(20, 1), "bernoulli", 2), points(60)).metrics
    assert twenty["active_units/test"] == int((phi.repeat(20, 1).sigmoid().var(0) > 0.01).sum())


@pytest.mark.parametrize(
    ("available", "asked", "remedy"), [(60, 20, "evaluation.points=30 or more"), (20, None, "a split with more points")]
)
def test_active_units_that_are_left_out_are_said_once(
    caplog: pytest.LogCaptureFixture, available: int, asked: int | None, remedy: str
) -> None:
    warn_once.cache_clear()
    strategy = given(torch.zeros(available, 2), "bernoulli", 2)
    for _ in range(2):
        assert "active_units/test" not in LatentEvaluation(points=asked)(strategy, points(available)).metrics
    (said,) = [record.getMessage() for record in caplog.records if "active_units" in record.getMessage()]
    assert said.endswith(f"at least 30 points, got 20 of test: use {remedy}.")
    caplog.clear()
    LatentEvaluation(points=30)(given(torch.zeros(60, 2), "bernoulli", 2), points(60))
    assert "left out" not in caplog.text


def test_information_ends_at_its_ceiling_and_at_nothing() -> None:
    apart = torch.stack((1e3 * torch.arange(50.0), torch.full((50,), -1.0)), 1)
    found = LatentEvaluation()(given(apart), points(50)).metrics
    assert found["mutual_information/test"] == pytest.approx(math.log(50))
    assert found["mutual_information_ceiling/test"] == pytest.approx(math.log(50))
    alike = torch.tensor([[0.4, -0.5]]).expand(50, -1)
    found = LatentEvaluation()(given(alike), points(50)).metrics
    assert found["mutual_information/test"] == pytest.approx(0, abs=1e-12)
    assert found["marginal_kl/test"] == pytest.approx(found["kl/test"])
    assert found["active_units/test"] == 0


@pytest.mark.parametrize("numbers", [2**19, 50, 1])
def test_the_sum_over_all_points_does_not_depend_on_how_it_is_cut(
    numbers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunk, "NUMBERS", {"cpu": numbers})
    family, _ = family_and_model("gaussian", latent_dim=2)
    phi, z = torch.randn(7, 4), torch.randn(5, 3, 2)
    expected = torch.stack([family(phi).log_prob(row.unsqueeze(1).expand(-1, 7, -1)).logsumexp(1) for row in z])
    torch.testing.assert_close(aggregate_log_prob(family, phi, z), expected - math.log(7))


@pytest.mark.slow
def test_noise_does_not_make_a_unit_active() -> None:
    """A q without a closed-form mean, the same for every x: the mean of 32 draws alone would vary by 1/32."""
    family, model = family_and_model("iaf", latent_dim=2)
    phi = family.initial().expand(500, -1).clone()
    q = family(phi)
    assert not isinstance(q, ClosedFormMean)
    one, other = means(q)
    naive = q.sample(DRAWS // 2).mean(0).var(0)
    assert float(naive.max()) > 0.02
    assert float(variance(one, other).abs().max()) < 0.01
    assert LatentEvaluation()(Given(bound_of(model, family), phi), points(500)).metrics["active_units/test"] == 0


@pytest.mark.parametrize("posterior", options("posterior"))
def test_every_family_has_its_figures_and_terms_add_up_where_there_are_any(posterior: str) -> None:
    family, model = family_and_model(posterior, latent_dim=2)
    phi = family.initial() + 0.3 * torch.randn(6, family.num_parameters)
    q, prior = family(phi), model.prior
    kl = kl_per_dimension(q, prior)
    if kl is not None:
        assert isinstance(q, ClosedFormKL)
        torch.testing.assert_close(kl.sum(1), q.kl(prior))
        assert (kl > -1e-12).all()
    found = LatentEvaluation(num_samples=3)(Given(bound_of(model, family), phi), points(6)).metrics
    assert ("kl_dimension_0/test" in found) == (kl is not None)
    assert all(math.isfinite(value) for value in found.values())
    assert found["mutual_information/test"] <= math.log(6) + 1e-9


@pytest.mark.parametrize("posterior", ["gaussian", "laplace", "bernoulli"])
def test_products_have_a_kl_for_each_dimension_with_the_prior_of_their_kind_alone(posterior: str) -> None:
    family, model = family_and_model(posterior, latent_dim=2)
    q = family(family.initial() + torch.randn(3, family.num_parameters))
    assert kl_per_dimension(q, model.prior) is not None
    others = {"gaussian": "mixture_of_gaussians", "laplace": "mixture_of_gaussians", "bernoulli": "standard_normal"}
    other = make(node(f"model/prior/{others[posterior]}"), {"latent_dim": 2})
    assert prior_over(family.support) != others[posterior]
    assert kl_per_dimension(q, other) is None


def test_collapse_is_said_with_its_remedies(caplog: pytest.LogCaptureFixture) -> None:
    phi = torch.zeros(40, 8)
    with caplog.at_level(logging.WARNING, "vaerun"):
        LatentEvaluation()(given(phi, latent_dim=4), points(40))
    (record,) = (record for record in caplog.records if record.name == "vaerun")
    for words in (
        "Only 0 of 4",
        "at most 0 by the 95 % interval over 40 points",
        "objective/kl_weight=linear",
        "objective=free_bits",
        "strategy=aggressive",
    ):
        assert words in record.getMessage()
    caplog.clear()
    phi[:, :2] = torch.randn(40, 2)
    LatentEvaluation()(given(phi, latent_dim=4), points(40))
    assert not caplog.records


def test_the_remedy_names_the_key_that_the_model_has(caplog: pytest.LogCaptureFixture) -> None:
    problem = given(torch.zeros(40, 8), latent_dim=4)
    facts = {"data_dim": 3, "data_mean": torch.full((3,), 0.5), "data_std": 0.5}
    model = make(node("model/sigmoid_belief", layers=[3, 1]), facts)
    layered = Given(bound_of(model, make(node("posterior/bernoulli"), {"latent_dim": 4})), torch.zeros(40, 4))
    for strategy, key in ((problem, "model.latent_dim"), (layered, "model.layers")):
        caplog.clear()
        with caplog.at_level(logging.WARNING, "vaerun"):
            LatentEvaluation()(strategy, points(40))
        assert f"or use fewer units ({key})." in caplog.text


@pytest.mark.parametrize("keys", [{"split": "all"}, {"points": 0}, {"points": 1}, {"num_samples": 0}])
def test_what_cannot_be_evaluated_is_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=f"evaluation.{next(iter(keys))}"):
        LatentEvaluation(**keys)


def test_the_interval_of_active_units_covers_those_of_the_distribution(caplog: pytest.LogCaptureFixture) -> None:
    """Units with Var_x = 0.25, 0.011, 0.009 and 0: of 40 points the middle two cannot be told, of 40,000 they can."""
    torch.manual_seed(0)
    scale = torch.tensor([0.5, 0.011**0.5, 0.009**0.5, 0.0])

    def found(n: int) -> tuple[float, float, float]:
        phi = torch.cat((torch.randn(n, 4) * scale, torch.full((n, 4), -1.0)), 1)
        evaluation = LatentEvaluation(points=None, num_samples=1)
        statistics = evaluation.statistics(given(phi, latent_dim=4), torch.zeros(n, 3), phi)
        results = Results("test")
        evaluation.count(statistics, results, "model.latent_dim")
        metrics = results.result({}).metrics
        return tuple(metrics[f"active_units{end}/test"] for end in ("_low", "", "_high"))

    low, _, high = found(40)
    assert (low, high) == (1, 3)
    assert found(40_000) == (2, 2, 2)
    assert not caplog.records  # at most a quarter is not certain in either


def test_the_half_width_is_that_of_a_mean_by_hand() -> None:
    mean = torch.tensor([[1.0], [-1.0], [3.0], [-3.0]]).double()
    # Terms 1, 1, 9, 9: standard deviation √(64/3), and t = 3.182446 at 3 degrees of freedom.
    assert float(half_width(mean, mean)) == pytest.approx(3.182446 * (64 / 3) ** 0.5 / 2, rel=1e-6)


def test_labels_that_all_agree_have_a_standard_error() -> None:
    data = Dataset.of(torch.randn(300, 3), labels=[0] * 299 + [1], test=0.2, seed=0)
    results = Results("test")
    LatentEvaluation(points=None).labelled(torch.randn(60, 2), data, results)
    p = (60 * results.metrics["label_accuracy/test"] + 2) / 64
    assert results.metrics["label_accuracy_se/test"] == pytest.approx(math.sqrt(p * (1 - p) / 64))
