"""Variance, signal and bias of gradient estimators, against closed forms and sums over all z."""

import logging
import math
from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.evaluation.given import Given, bound_of
from tests.problems import (
    dataset,
    family_and_model,
    linear_gaussian,
    node,
    objective,
    optimal_phi,
    options,
    plain_ascent,
    space,
)
from vaerun.bound.bound import Bound
from vaerun.data.loader import sweep
from vaerun.errors import UserError
from vaerun.estimator.base import evaluate
from vaerun.evaluation.base import OWN, Named
from vaerun.evaluation.gradient import GradientEvaluation, summarise, tag_name, with_estimator
from vaerun.evaluation.gradient_draw import gradient_setting
from vaerun.evaluation.gradient_moments import replicate
from vaerun.evaluation.results import Results
from vaerun.exact.variance import BITS, Bit
from vaerun.execution import memory as chunk
from vaerun.experiment.make import make
from vaerun.nn.bounded_scale import LIMIT
from vaerun.notation import Batch
from vaerun.posterior.bernoulli import IndependentBernoulli
from vaerun.strategy.base import Strategy
from vaerun.verify.signal import slope_of

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("exact")]

COPIES = 400  # of one point, whose φ are measured beside one another


def choose(group: str, words: str) -> Any:
    """An option with its baseline behind a slash, as ``build.choose`` does without Hydra."""
    name, *baseline = words.replace(" estimator/baseline=", "/").split("/")
    return make(node(f"{group}/{name}", {"baseline": baseline[0]} if baseline else {}), {})


def pairs(strategy: Strategy, batches: Iterable[Batch]) -> list[tuple[Tensor, Tensor]]:
    """x and its φ, batch by batch."""
    return [(batch.x, strategy.infer(batch.x, batch.index, "train").phi) for batch in batches]


def named(bound: Bound, *estimators: str) -> list[Named]:
    """Estimators by name, the run's own among them, as an evaluation receives them."""
    return [Named(name, bound.estimator if name == OWN else choose("estimator", name)) for name in estimators]


def measure(bound: Bound, x: Tensor, phi: Tensor, *estimators: str, **keys: Any) -> dict[str, float]:
    """The figures of these estimators at given φ."""
    evaluation = GradientEvaluation(
        bound=bound, optimizer=plain_ascent, points=None, estimators=named(bound, *estimators), **keys
    )
    return dict(evaluation(Given(bound, phi), dataset(x)).metrics)


def near(figures: dict[str, float], name: str, group: str, known: float, quantity: str = "variance") -> None:
    """A figure is the known one within four of its standard errors, and these are small."""
    error = figures[f"gradient_{quantity}_se/{name}_{group}"]
    assert figures[f"gradient_{quantity}/{name}_{group}"] == pytest.approx(known, abs=4 * error)
    assert error < 0.05 * known


def one_bit(k: int, estimator: str = "disarm") -> tuple[Bound, Tensor, Tensor, float, float, float]:
    """Copies of one point over one bit: the bound, x, φ, the two rewards and the logit."""
    family, model = family_and_model("bernoulli", latent_dim=1)
    x = torch.tensor([[1.0, 0.0, 1.0]]).expand(COPIES, -1)
    phi = torch.tensor([[0.7]]).expand(COPIES, -1)
    z = space("binary", 1).z
    terms = evaluate(model, x[:1], z, family(phi[:1]).log_prob(z))
    r0, r1 = (terms.log_likelihood + terms.log_prior - terms.log_q).flatten().tolist()
    return bound_of(model, family, estimator=estimator, k=k), x, phi, r0, r1, 0.7


@pytest.mark.parametrize("name", [name for name in BITS if name != "enumerate"])
def test_over_one_bit_variance_and_signal_are_those_of_the_closed_form(name: str) -> None:
    k, formula = BITS[name]
    bound, x, phi, *bit = one_bit(k)
    figures = measure(bound, x, phi, name, replicas=100)
    tag = name.replace("/", "_")
    known = formula(*bit)
    near(figures, tag, "phi", known)
    snr, error = figures[f"gradient_snr/{tag}_phi"], figures[f"gradient_snr_se/{tag}_phi"]
    assert snr == pytest.approx(math.sqrt(signal_squared(*bit) / known), abs=4 * error)
    assert error < 0.05
    assert figures[f"gradient_decodes/{tag}"] == k * (1 if name.startswith("score") else 2)


def signal_squared(r0: float, r1: float, logit: float) -> float:
    """(p(1 − p)Δ)²: the slope of the ELBO in the logit, squared."""
    p = 1 / (1 + math.exp(-logit))
    return (p * (1 - p) * (r1 - r0)) ** 2


@pytest.mark.parametrize("bit", [BITS["score/leave_one_out"][1]])
def test_of_an_encoder_the_variance_is_that_of_phi_through_its_slope(bit: Bit) -> None:
    """tr Cov[∂λ] = Σ_i Var[∂φ_i] ‖∂φ_i/∂λ‖²/B² where the points' noise is independent, over B points of one φ each."""
    bound, _, _, *_ = one_bit(2)
    x = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    strategy, amortizer = encoded(bound, x)
    slopes, variances = [], []
    for one in x.split(1):
        phi = amortizer(one)
        slopes.append(sum(g.square().sum() for g in torch.autograd.grad(phi.sum(), list(amortizer.parameters()))))
        z = space("binary", 1).z
        terms = evaluate(bound.model, one, z, bound.family(phi).log_prob(z))
        rewards = (terms.log_likelihood + terms.log_prior - terms.log_q).flatten().tolist()
        variances.append(bit(*rewards, float(phi.detach())))
    known = float(sum(v * s for v, s in zip(variances, slopes, strict=True))) / 4
    evaluation = GradientEvaluation(
        bound=bound, optimizer=plain_ascent, estimators=named(bound, "score/leave_one_out"), replicas=3000
    )
    figures = dict(evaluation(strategy, dataset(x)).metrics)
    name = "score_leave_one_out"
    error = figures[f"gradient_variance_se/{name}_lam"]
    assert figures[f"gradient_variance/{name}_lam"] == pytest.approx(known, abs=4 * error)
    assert error < 0.05 * known
    assert figures[f"gradient_variance/{name}_phi"] == pytest.approx(sum(variances) / 2, rel=0.2)
    assert figures[f"gradient_bias/{name}_lam"] < 2 * figures[f"gradient_bias_se/{name}_lam"]


def encoded(bound: Bound, x: Tensor, strategy: str = "amortized") -> tuple[Any, Any]:
    """A strategy with an affine encoder."""
    facts: dict[str, Any] = {
        "data_dim": x.shape[1],
        "data_mean": x.mean(0),
        "data_std": 0.5,
        "num_parameters": bound.family.num_parameters,
        "initial": bound.family.initial(),
        "bound": bound,
        "optimizer": plain_ascent,
        "num_points": dict.fromkeys(("train", "valid", "test"), len(x)),
    }
    facts["amortizer"] = make(node("amortizer/mlp", hidden=[]), facts)
    facts["solver"] = make(node("local/solver"), facts)
    return make(node(f"strategy/{strategy}"), facts), facts["amortizer"]


def at_the_posterior(k: int = 1, copies: int = COPIES, objective_name: str = "elbo") -> tuple[Bound, Tensor, Tensor]:
    """Copies of one point of a linear-Gaussian model with one latent, q its posterior; σ and W held."""
    model = linear_gaussian(torch.tensor([[1.0], [-0.5]]), torch.zeros(2), 0.6)
    model.W.requires_grad_(False)
    model.raw_log_sigma.requires_grad_(False)
    x = torch.tensor([[0.9, 0.2]]).expand(copies, -1)
    bound = Bound(
        model=model,
        family=make(node("posterior/gaussian"), {"latent_dim": 1}),
        objective=objective(objective_name, k),
        estimator=make(node("estimator/reparam"), {}),
    )
    return bound, x, optimal_phi(model, x)


def test_at_the_posterior_plain_reparameterization_has_the_variance_of_the_fisher_information() -> None:
    """1/v + 2 (∂ log s/∂ raw)² in φ; in θ Var[∂μ] = Σ_j W_j² v/σ⁴, divided by the points that it is the mean over."""
    bound, x, phi = at_the_posterior()
    figures = measure(bound, x, phi, "own", replicas=200)
    v = float(bound.model.exact_posterior(x)[1])
    near(figures, "own", "phi", 1 / v + 2 * (1 - (0.5 * math.log(v) / LIMIT) ** 2) ** 2)
    known = 1.25 * v / 0.6**4 / COPIES
    error = figures["gradient_variance_se/own_theta"]
    assert figures["gradient_variance/own_theta"] == pytest.approx(known, abs=4 * error)
    assert error < 0.15 * known
    assert figures["gradient_snr/own_phi"] < 3 * figures["gradient_snr_se/own_phi"]  # the gradient is zero there


def test_at_the_posterior_sticking_the_landing_has_no_noise() -> None:
    bound, x, phi = at_the_posterior()
    figures = measure(bound, x, phi, "doubly_reparam", replicas=20)
    assert figures["gradient_variance/doubly_reparam_phi"] < 1e-25


def slope(estimator: str, group: str, along: str) -> float:
    """The power with which the ratio goes along K = 4, 16, 64 or, at K = 4, along M = 4, 16, 64 copies of one point."""
    ratios = []
    for many in (4, 16, 64):
        bound, x, phi = at_the_posterior(
            k=many if along == "K" else 4, copies=64 if along == "K" else many, objective_name="iwae"
        )
        phi = phi + torch.tensor([[0.4, 0.3]])
        figures = measure(bound, x, phi, estimator, replicas=200 if along == "K" else 600)
        ratios.append(figures[f"gradient_snr/{estimator}_{group}"])
    return slope_of((4, 16, 64), ratios)


@pytest.mark.parametrize(
    ("estimator", "group", "power"),
    [("reparam", "phi", -0.5), ("doubly_reparam", "phi", 0.5), ("reparam", "theta", 0.5)],
)
def test_the_ratio_goes_with_k_as_it_must(estimator: str, group: str, power: float) -> None:
    assert slope(estimator, group, "K") == pytest.approx(power, abs=0.15)


def test_the_ratio_of_the_mean_over_m_points_goes_with_the_root_of_m() -> None:
    assert slope("reparam", "theta", "M") == pytest.approx(0.5, abs=0.15)


def straight_through_mean(bound: Bound, x: Tensor, phi: Tensor, monkeypatch: pytest.MonkeyPatch) -> float:
    """E[ĝ] of straight-through over one bit, from both of its values."""
    total = 0.0
    for value in (0.0, 1.0):
        monkeypatch.setattr(IndependentBernoulli, "sample", lambda self, k, value=value: torch.full((k, 1, 1), value))
        leaf = phi[:1].clone().requires_grad_()
        estimate = Bound(
            model=bound.model,
            family=bound.family,
            objective=bound.objective,
            estimator=choose("estimator", "straight_through"),
        )(x[:1], leaf)
        (gradient,) = torch.autograd.grad(estimate.surrogate.sum(), leaf)
        p = float(phi[0].sigmoid())
        total += float(gradient) * (p if value else 1 - p)
    monkeypatch.undo()
    return total


def test_the_bias_of_straight_through_is_what_a_sum_over_z_says(monkeypatch: pytest.MonkeyPatch) -> None:
    bound, x, phi, *bit = one_bit(1)
    true = math.copysign(math.sqrt(signal_squared(*bit)), bit[1] - bit[0])
    known = abs(straight_through_mean(bound, x, phi, monkeypatch) - true) / abs(true)
    figures = measure(bound, x, phi, "straight_through", replicas=400)
    found, floor = (figures[f"gradient_{what}/straight_through_phi"] for what in ("bias", "bias_se"))
    assert found == pytest.approx(known, abs=0.02)
    assert found > 2 * floor


def bits(n: int = 5) -> tuple[Bound, Tensor, Tensor]:
    """Different points over three bits."""
    family, model = family_and_model("bernoulli", latent_dim=3)
    return (
        bound_of(model, family, estimator="disarm", k=2),
        model.observe(torch.ones(1, n, 3)).squeeze(0),
        torch.randn(n, 3),
    )


@pytest.mark.parametrize("name", ["score/none", "score/leave_one_out", "arm", "disarm", "rebar", "muprop"])
def test_an_unbiased_estimator_shows_no_bias(name: str) -> None:
    figures = measure(*bits(), name, replicas=400, warm_up=0)
    tag = name.replace("/", "_")
    for group in ("theta", "phi"):
        assert figures[f"gradient_bias/{tag}_{group}"] < 2 * figures[f"gradient_bias_se/{tag}_{group}"]


@pytest.mark.parametrize("name", ["straight_through", "concrete"])
def test_a_biased_estimator_is_seen(name: str) -> None:
    figures = measure(*bits(), name, replicas=1000)
    assert figures[f"gradient_bias/{name}_phi"] > 2 * figures[f"gradient_bias_se/{name}_phi"]


def test_enumeration_has_no_noise_and_no_ratio() -> None:
    figures = measure(*bits(), "enumerate", replicas=20)
    for group in ("theta", "phi"):
        assert figures[f"gradient_variance/enumerate_{group}"] < 1e-28
        assert f"gradient_snr/enumerate_{group}" not in figures
        assert figures[f"gradient_bias/enumerate_{group}"] < 1e-12


def test_noise_that_is_rounding_has_no_ratio() -> None:
    """Of sums whose order varies, as on a GPU: seven digits agree, which is all that float32 has."""
    found = replicate(lambda: {"phi": 1 + 1e-7 * torch.randn(2, 3)}, 20)["phi"]
    for dtype, told in ((torch.float32, False), (torch.float64, True)):
        results = Results("test")
        summarise(results, "some", found, None, torch.finfo(dtype).eps)
        assert ("gradient_snr/some" in results.metrics) == told


def test_the_run_s_own_is_measured_like_another_of_its_kind_whoever_is_beside_it() -> None:
    bound, x, phi = bits()
    torch.manual_seed(1)
    together = measure(bound, x, phi, "own", "score/none", "disarm", replicas=30)
    torch.manual_seed(1)
    alone = measure(bound, x, phi, "disarm", replicas=30)
    for tag, value in alone.items():
        assert together[tag] == value
        assert together[tag.replace("disarm", "own")] == value
    assert together["gradient_variance/score_none_phi"] > together["gradient_variance/own_phi"]


def test_points_in_chunks_are_the_same_points(monkeypatch: pytest.MonkeyPatch) -> None:
    bound, x, phi = bits()
    place = gradient_setting(Given(bound, phi), pairs(Given(bound, phi), sweep(dataset(x).train, 2)))
    enumerated = Bound(
        model=bound.model, family=bound.family, objective=bound.objective, estimator=choose("estimator", "enumerate")
    )
    whole = place.gradients(enumerated)
    monkeypatch.setitem(chunk.NUMBERS, "cpu", 1)
    parts = place.gradients(enumerated)
    for group, value in whole.items():
        torch.testing.assert_close(parts[group], value)
    assert whole["phi"].shape == (5, 3)


@pytest.mark.parametrize(
    ("name", "beside"), [("score/moving_average", "score/none"), ("score/optimal_constant", "score/none")]
)
def test_others_learn_first_and_forget_afterwards(name: str, beside: str) -> None:
    bound, x, phi = one_bit(1)[:3]
    tag, other = name.replace("/", "_"), beside.replace("/", "_")

    def variances(warm_up: int) -> tuple[float, float]:
        found = measure(bound, x, phi, name, beside, replicas=40, warm_up=warm_up)
        return found[f"gradient_variance/{tag}_phi"], found[f"gradient_variance/{other}_phi"]

    cold, plain = variances(0)
    assert cold == plain
    warm, plain = variances(30)
    assert warm < 0.9 * plain


def test_weights_of_an_estimator_s_own_learn_and_no_others() -> None:
    bound, x, phi = one_bit(1)[:3]
    strategy = Given(bound, phi)
    place = gradient_setting(strategy, pairs(strategy, sweep(dataset(x).train, 100)))
    other = with_estimator(bound, Named("rebar", choose("estimator", "rebar")))
    before = {name: weight.detach().clone() for name, weight in other.named_parameters()}
    place.warm_up(other, 3, plain_ascent)
    assert not other.estimator.training
    for name, weight in other.named_parameters():
        learns = name.startswith("estimator.")
        assert torch.equal(weight, before[name]) == (not learns)
        assert (weight.grad is not None) == learns


def test_learning_is_begun_anew_at_every_evaluation() -> None:
    bound, x, phi = one_bit(1)[:3]
    evaluation = GradientEvaluation(
        bound=bound, optimizer=plain_ascent, estimators=named(bound, "rebar", "score/moving_average"), replicas=20
    )
    found = []
    for _ in range(2):
        torch.manual_seed(3)
        found.append(dict(evaluation(Given(bound, phi), dataset(x)).metrics))
    assert found[0] == found[1]


@pytest.mark.parametrize("posterior", options("posterior"))
def test_every_family_can_be_looked_at(posterior: str) -> None:
    family, model = family_and_model(posterior, latent_dim=2)
    phi = family.initial().repeat(3, 1) + 0.1
    figures = measure(bound_of(model, family, k=2), model.sample(3), phi, "own", "score/leave_one_out", replicas=20)
    assert all(math.isfinite(value) for value in figures.values())
    groups = {"theta", "phi"} | ({"lam"} if list(family.parameters()) else set())
    assert {tag.rpartition("_")[2] for tag in figures if tag.startswith("gradient_variance/own")} == groups
    assert all(figures[f"gradient_variance/own_{group}"] > 0 for group in groups)


def test_gradients_that_are_not_finite_give_no_figures(caplog: pytest.LogCaptureFixture) -> None:
    bound, x, phi = bits()
    with caplog.at_level(logging.WARNING, logger="vaerun"):
        figures = measure(bound, x, phi.index_fill(0, torch.tensor([1]), math.nan), "disarm", replicas=20)
    assert not figures
    assert "not finite" in caplog.text


def test_what_is_found_point_by_point_is_what_the_figure_is_the_mean_of() -> None:
    bound, x, phi = bits()
    evaluation = GradientEvaluation(bound=bound, optimizer=plain_ascent, points=4, replicas=20)
    found = evaluation(Given(bound, phi), dataset(x))
    each = found.points["gradient_variance_own_phi"]
    assert each.shape == (4,)
    assert float(each.mean()) == found.metrics["gradient_variance/own_phi"]


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("disarm", "disarm"),
        ("score/leave_one_out", "score_leave_one_out"),
        ("score estimator/baseline=leave_one_out", "score_leave_one_out"),
        ("rebar estimator.eta=0.5", "rebar_eta_0.5"),
        ("score/learned estimator.baseline.hidden=[7,8]", "score_learned_hidden_7_8"),
    ],
)
def test_an_entry_has_a_readable_name(entry: str, name: str) -> None:
    assert tag_name(entry) == name


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"estimators": ["reparam"]}, r"has 'reparam'.*Reparam needs a reparameterized posterior"),
        ({"estimators": ["own", "own"]}, r"'own' twice"),
        ({"estimators": ["score/none", "score estimator/baseline=none"]}, r"twice"),
        ({"replicas": 19}, r"evaluation\.replicas must be at least 20, got 19"),
        ({"warm_up": -1}, r"warm_up must be at least 0, got -1"),
        ({"points": 0}, r"points must be at least 1, got 0"),
        ({"split": "all"}, r"train, valid, test or new"),
    ],
)
def test_what_cannot_be_measured_is_refused(keys: dict[str, Any], words: str) -> None:
    bound, *_ = bits()
    if "estimators" in keys:
        keys = {"estimators": named(bound, *keys["estimators"])}
    with pytest.raises(UserError, match=words):
        GradientEvaluation(bound=bound, optimizer=plain_ascent, **keys)
