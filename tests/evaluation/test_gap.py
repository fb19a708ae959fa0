"""Both gaps where they are known and not zero, and what is said where they are not known."""

import logging
import math
from collections.abc import Mapping
from dataclasses import replace
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
    linear_strategy,
    log_evidence,
    node,
    objective,
    optimal_phi,
    options,
    prior_over,
    simulated,
    space,
    truth,
)
from vaerun.bound.bound import Bound
from vaerun.errors import UserError
from vaerun.evaluation import gap as module
from vaerun.evaluation import gap_optimum
from vaerun.evaluation.base import EvaluationResult, Named
from vaerun.evaluation.gap import GapEvaluation
from vaerun.evaluation.gap_optimum import Optimum, optimum
from vaerun.experiment.make import make
from vaerun.model.base import Model
from vaerun.model.linear_gaussian import LinearGaussian
from vaerun.posterior.base import Family

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("exact")]

GAPS = ("approximation_gap", "amortization_gap", "inference_gap")
SHORT: Mapping[str, Any] = {"split": "train", "points": None, "starts": 1, "temperatures": 0}


def choose(group: str, words: str) -> Any:
    """An option, for two latents."""
    return make(node(f"{group}/{words}"), {"latent_dim": 2})


def evaluation(**keys: Any) -> GapEvaluation:
    """A short one, over all training points."""
    if "family" in keys:
        keys["family"] = Named(keys["family"], choose("posterior", keys["family"]))
    return GapEvaluation(**{**SHORT, **keys})


def half_blind(n: int = 200) -> tuple[LinearGaussian, Tensor, Tensor, Tensor]:
    """A model, points, the φ of the best affine encoder that sees two coordinates of five, and each point's gap to φ*.

    V = V* S_{·a} S_aa⁻¹ with V* = M⁻¹Wᵀ loses ½ tr(Λ(V − V*)S(V − V*)ᵀ) nats, Λ = M/σ² and S the points' covariance.
    """
    W = torch.tensor([[1.0, 0.8, 0.3], [-0.5, 0.8, 0.3], [0.9, 0.6, -0.7], [0.8, 0.9, 0.2], [0.3, -0.4, 0.5]])
    model = linear_gaussian(W, torch.zeros(5), 0.3)
    x = model.sample(n)
    S = x.T @ x / n
    seen = [0, 1]
    best, precision = optimal_phi(model, x), model.precision().detach()
    V = torch.linalg.solve(precision, W.T) / 0.3**2
    blind = torch.zeros(3, 5)
    blind[:, seen] = V @ S[:, seen] @ S[seen][:, seen].inverse()
    phi = torch.cat((x @ blind.T, best[:, 3:]), 1)
    off = x @ (blind - V).T
    lost = 0.5 * torch.einsum("ni,ij,nj->n", off, precision, off)
    trace = 0.5 * torch.trace(precision @ (blind - V) @ S @ (blind - V).T)
    assert float(lost.mean()) == pytest.approx(float(trace))
    return model, x, phi, lost


def near(value: float, exact: float) -> bool:
    """Within max(2 %, 0.01 nat)."""
    return abs(value - exact) < max(0.02 * abs(exact), 0.01)


@pytest.mark.parametrize("trained", ["elbo", "iwae", "beta"])
def test_a_half_blind_encoders_gaps_are_the_closed_forms(trained: str, caplog: pytest.LogCaptureFixture) -> None:
    model, x, phi, lost = half_blind()
    family = make(node("posterior/gaussian"), {"latent_dim": 3})
    made = make(node("estimator/reparam"), {})
    J = objective("elbo", 1, 5.0) if trained == "beta" else objective(trained, 3)
    strategy = Given(Bound(model=model, family=family, objective=J, estimator=made), phi)
    figures, points, pictures, *_ = evaluation()(strategy, dataset(x))
    approximation, log_p = float(model.diagonal_gap().detach()), model.exact_log_prob(x).detach()
    expected = {
        "log_marginal": log_p,
        "elbo": log_p - approximation - lost,
        "elbo_optimal": log_p - approximation,
        "amortization_gap": lost,
        "inference_gap": approximation + lost,
    }
    assert approximation > 0.15
    assert float(lost.mean()) > 0.5
    for name, exact in expected.items():
        assert near(figures[f"{name}/train"], float(exact.mean())), name
        assert figures[f"{name}_se/train"] == pytest.approx(float(exact.std() / math.sqrt(200)), rel=0.05), name
        # r varies by 2 nats² for each nat that q loses.
        assert ((points[name] - exact).abs() < 0.06 + 4 * (2 * (approximation + lost) / 2000).sqrt()).all(), name
    assert near(figures["approximation_gap/train"], approximation)
    assert figures["approximation_gap_se/train"] < 0.01
    assert figures["gap_converged/train"] == 1
    assert figures["gap_points/train"] == 200
    assert not pictures
    assert not caplog.records


def test_without_the_exact_log_p_they_come_near(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model, x, phi, lost = half_blind(60)
    monkeypatch.setattr(module, "exact", lambda bound, x: None)
    strategy = Given(bound_of(model, make(node("posterior/gaussian"), {"latent_dim": 3})), phi)
    figures, points, *_ = evaluation(temperatures=20)(strategy, dataset(x))
    log_p = model.exact_log_prob(x).detach()
    assert figures["iwae_2000_optimal/train"] == pytest.approx(float(log_p.mean()), abs=0.01)
    assert near(figures["approximation_gap/train"], float(model.diagonal_gap().detach()))
    assert near(figures["amortization_gap/train"], float(lost.mean()))
    assert {"ais", "iwae_2000", "iwae_2000_optimal"} <= points.keys()
    assert not {"ais/train", "iwae_2000/train", "log_marginal/train"} & figures.keys()  # what is shown is what is used
    assert float(points["ais"].mean()) < float(log_p.mean())
    assert not caplog.records


def test_a_richer_family_closes_its_gap_and_moves_no_other() -> None:
    bound, x, best = gaussian_problem(orthogonal=False, n=40)
    strategy, data = Given(bound, best + 0.2), dataset(x)
    plain = evaluation()(strategy, data).metrics
    found = evaluation(family="full_gaussian")(strategy, data).metrics
    gap = float(bound.model.diagonal_gap().detach())
    assert gap > 0.04
    assert near(found["approximation_gap/train"], gap)
    assert near(found["approximation_gap_full_gaussian/train"], 0.0)
    assert near(found["elbo_optimal_full_gaussian/train"], found["log_marginal/train"])
    assert found["gap_converged_full_gaussian/train"] == 1
    for name in (*GAPS, "elbo", "elbo_optimal"):
        assert near(found[f"{name}/train"], plain[f"{name}/train"]), name


def linear(model: Model, slope: float, offset: float) -> None:
    """Makes the log-odds of every coordinate of x slope Σ_d z_d + offset."""
    with torch.no_grad():
        for weight in model.parameters():
            weight.fill_(slope if weight.dim() == 2 else offset)


def mean_field(model: Model, x: Tensor) -> Tensor:
    """max over p in [0, 1]² of the ELBO of two independent bits, by a fine grid: Float[Tensor, "B"]."""
    z = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    log_joint = model.log_joint(x, z.unsqueeze(1).expand(-1, len(x), -1)).detach()
    p = torch.linspace(-12, 12, 1201).sigmoid()
    entropy = -(p * p.log() + (1 - p) * (1 - p).log())
    one, other = torch.meshgrid(p, p, indexing="ij")
    q = torch.stack([(1 - one) * (1 - other), (1 - one) * other, one * (1 - other), one * other])
    values = torch.einsum("sij,sb->bij", q, log_joint) + entropy[:, None] + entropy
    return values.flatten(1).max(1).values


def test_the_gaps_of_two_bits_are_those_of_a_grid() -> None:
    family, model = family_and_model("bernoulli", latent_dim=2)
    linear(model, 4.0, -2.0)  # either bit explains x away from the other
    x = bernoulli_space(3)
    phi = torch.randn(8, 2)
    figures, points, *_ = evaluation(starts=4)(Given(bound_of(model, family), phi), dataset(x))
    log_p = log_evidence(model, x, space("binary", 2)).detach()
    best = mean_field(model, x)
    over = space("binary", 2)
    own = [truth(family(phi[[i]]), model, objective("elbo", 1), x[[i]], over).bound.detach() for i in range(8)]
    assert float((log_p - best).mean()) > 0.03
    assert torch.allclose(points["log_marginal"], log_p)
    assert torch.allclose(points["elbo"], torch.stack(own))  # summed, without noise
    assert torch.allclose(points["elbo_optimal"], best, atol=2e-3)
    assert near(figures["approximation_gap/train"], float((log_p - best).mean()))
    assert near(figures["amortization_gap/train"], float((best - torch.stack(own)).mean()))


def test_in_one_dimension_the_gaps_are_those_of_quadrature() -> None:
    family, model = family_and_model("gaussian", latent_dim=1)
    linear(model, 8.0, -4.0)  # p(z given x) is skewed
    x, over = bernoulli_space(3)[1:4], space("real", 1, width=9.0, cell=0.05)
    log_p = log_evidence(model, x, over).detach()

    def bounds(phi: Tensor) -> Tensor:
        q = family(phi)
        log_q = q.log_prob(over.z.expand(-1, len(phi), -1))
        r = model.log_joint(x, over.z.expand(-1, len(phi), -1)) - log_q
        return (log_q.exp() * r * over.volume).sum(0)

    best = torch.zeros(3, 2, requires_grad=True)
    search = torch.optim.LBFGS([best], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        search.zero_grad()
        value = -bounds(best).sum()
        value.backward()
        return value

    search.step(loss)
    highest, phi = bounds(best).detach(), torch.tensor([[0.5, 0.0], [0.0, 0.0], [-0.5, -0.5]])
    own = bounds(phi).detach()
    repeat = 20
    strategy = Given(bound_of(model, family), phi.repeat(repeat, 1))
    figures = evaluation(num_samples=5000)(strategy, dataset(x.repeat(repeat, 1))).metrics
    assert float((log_p - highest).mean()) > 0.01
    assert near(figures["approximation_gap/train"], float((log_p - highest).mean()))
    assert near(figures["amortization_gap/train"], float((highest - own).mean()))
    assert near(figures["inference_gap/train"], float((log_p - own).mean()))


def run(strategy: Any, x: Tensor, **keys: Any) -> EvaluationResult:
    return evaluation(**{"num_samples": 200, "max_steps": 100, "temperatures": 5, "chains": 2, **keys})(
        strategy, dataset(x)
    )


def adds_up(figures: Mapping[str, float], prefix: str = "") -> None:
    assert all(math.isfinite(value) for value in figures.values())
    if figures["gap_points/train"] == len(bernoulli_space(3)):
        parts = figures["approximation_gap/train"] + figures["amortization_gap/train"]
        assert parts == pytest.approx(figures["inference_gap/train"], abs=1e-9)
        elbo = figures[f"{prefix}elbo_optimal/train"] - figures[f"{prefix}elbo/train"]
        assert figures["amortization_gap/train"] == pytest.approx(elbo, abs=1e-9)


@pytest.mark.parametrize("posterior", options("posterior"))
def test_every_family_has_gaps(posterior: str) -> None:
    family, model = family_and_model(posterior, latent_dim=2)
    strategy = Given(bound_of(model, family), family.initial().expand(8, -1))
    figures = run(strategy, bernoulli_space(3), max_steps=400).metrics
    adds_up(figures)
    assert figures["gap_converged/train"] > 0
    assert figures["inference_gap/train"] > 0.05
    assert figures["amortization_gap/train"] > 0.02


@pytest.mark.parametrize("words", options("posterior"))
def test_any_family_can_be_the_richer_one_or_says_why_not(words: str) -> None:
    bound, x, best = gaussian_problem(orthogonal=False, n=8)
    other: Family = choose("posterior", words)
    shared = bool(list(other.parameters()))
    if shared or other.support != "real":
        with pytest.raises(UserError, match="evaluation.family=" + words) as refusal:
            run(Given(bound, best), x, family=words)
        assert ("trained first" in str(refusal.value)) == shared
        return
    figures = run(Given(bound, best), x, family=words).metrics
    adds_up(figures)
    assert f"elbo_optimal_{words}/train" in figures


@pytest.mark.parametrize("name", options("strategy"))
@pytest.mark.parametrize("split", ["train", "test"])
def test_every_strategy_is_evaluated_and_left_as_it_is(name: str, split: str) -> None:
    x = simulated(12)
    strategy = linear_strategy(name, x).eval()
    before = {key: value.clone() for key, value in strategy.state_dict().items()}
    figures = run(strategy, x, split=split, points=5).metrics
    assert all(math.isfinite(value) for value in figures.values())
    assert f"elbo/{split}" in figures
    assert all(torch.equal(value, before[key]) for key, value in strategy.state_dict().items())


def test_a_point_whose_search_was_cut_off_has_no_gap(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(gap_optimum, "POLISH", ())  # these steps would find q* of a quadratic bound
    bound, x, best = gaussian_problem(orthogonal=False)
    with caplog.at_level(logging.WARNING):
        figures, points, *_ = run(Given(bound, best + 3), x, max_steps=1, starts=1)
    assert {f"{name}/train" for name in GAPS}.isdisjoint(figures)
    assert figures["gap_converged/train"] == figures["gap_points/train"] == 0
    assert {"elbo/train", "elbo_optimal/train", "log_marginal/train"} <= figures.keys()
    assert all(points[name].isnan().all() for name in GAPS)
    (record,) = caplog.records
    assert "leaves out 9 of 9 points" in record.message
    assert "evaluation.max_steps=3" in record.message


def test_gaps_are_means_over_the_points_that_have_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bound, x, best = gaussian_problem(orthogonal=False)
    found = torch.arange(9) % 3 == 0

    def half(*given: Any) -> Optimum:
        return optimum(*given)._replace(converged=found)

    monkeypatch.setattr(module, "optimum", half)
    phi = best + torch.arange(9.0).unsqueeze(1) / 9
    figures, points, *_ = run(Given(bound, phi), x, max_steps=1000, num_samples=4000)
    assert figures["gap_points/train"] == 3
    assert figures["gap_converged/train"] == pytest.approx(1 / 3)
    exact = (exact_elbo(bound.model, x, best) - exact_elbo(bound.model, x, phi)).detach()
    assert figures["amortization_gap/train"] == pytest.approx(float(exact[found].mean()), abs=0.15)
    assert figures["amortization_gap/train"] == pytest.approx(float(points["amortization_gap"].nanmean()))
    assert points["inference_gap"].isnan().tolist() == (~found).tolist()
    assert figures["elbo/train"] == pytest.approx(float(exact_elbo(bound.model, x, phi).detach().mean()), abs=0.3)
    assert "leaves out 6 of 9" in caplog.text


@pytest.mark.parametrize(
    ("evidence", "sentence"),
    [
        ("exact", "an ELBO cannot exceed the exact log p(x)"),
        ("annealed", "use evaluation.temperatures=20 or more evaluation.chains"),
        ("draw", "use evaluation.num_samples=2000 or evaluation.temperatures=200"),
    ],
)
def test_a_negative_gap_is_said_with_its_remedy(
    evidence: str, sentence: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bound, x, best = gaussian_problem(orthogonal=False)
    low = bound.model.exact_log_prob(x).detach() - 1.0
    if evidence != "exact":
        real = module.draw

        def poor(*given: Any) -> Any:
            drawn = real(*given)
            return drawn._replace(log_mean=drawn.log_mean - (1.5 if evidence == "annealed" else 1.0))

        monkeypatch.setattr(module, "draw", poor)
    monkeypatch.setattr(module, "exact", lambda *given: low if evidence == "exact" else None)
    monkeypatch.setattr(module, "annealed", lambda *given: low)
    run(Given(bound, best), x, temperatures=5 if evidence == "annealed" else 0, max_steps=400)
    assert "approximation_gap is negative on average (-0.9" in caplog.text
    assert "9 of 9 points" in caplog.text
    assert "inference_gap is negative" in caplog.text
    assert sentence in caplog.text
    assert "amortization_gap" not in caplog.text


def test_a_strategy_that_beats_the_search_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bound, x, best = gaussian_problem(orthogonal=False)
    far = Optimum(best + 1, torch.ones(9, dtype=torch.bool), torch.zeros(9))
    monkeypatch.setattr(module, "optimum", lambda *given: far)
    run(Given(bound, best), x)
    assert "amortization_gap is negative on average" in caplog.text
    assert "evaluation.starts=2 or a larger evaluation.max_steps" in caplog.text


def test_what_is_no_density_bounds_nothing() -> None:
    family = make(node("posterior/gaussian"), {"latent_dim": 2})
    facts = {"data_dim": 3, "data_mean": torch.full((3,), 0.5), "data_std": 1.0}
    vae = node("model/vae", {"likelihood": "cross_entropy", "prior": prior_over("real")}, latent_dim=2)
    model = make(vae, {**facts, "latent_dim": 2})
    strategy = Given(bound_of(model, family), family.initial().expand(8, -1))
    figures, points, *_ = run(strategy, torch.rand(8, 3), max_steps=400)
    adds_up(figures, "pseudo_")
    bounds = {name for name in (*figures, *points) if not name.startswith(("pseudo_", "gap_", *GAPS))}
    assert not bounds


def test_the_worst_points_are_drawn_with_what_each_q_makes_of_them() -> None:
    family, model = family_and_model("gaussian", latent_dim=2, data_dim=4)
    x = bernoulli_space(4)
    images = replace(dataset(x), shape=(2, 2), support="binary")
    phi = family.initial().expand(16, -1).clone()
    phi[3, :2] = 4.0
    run_images = evaluation(num_samples=50, max_steps=200, family="full_gaussian")
    (tag, picture), *rest = run_images(Given(bound_of(model, family), phi), images).pictures.items()
    assert (tag, rest) == ("worst_points/train", [])
    assert picture.shape == (4 * 29 + 1, 8 * 29 + 1)
    worst = picture[1:29, 1:29][::14, ::14].flatten() / 255
    assert worst.tolist() == x[3].tolist()


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"split": "dev"}, "split must be train, valid, test or new, got dev"),
        ({"points": 0}, "points must be at least 1, got 0"),
        ({"num_samples": 1}, r"^evaluation\.num_samples must be at least 2, got 1\.$"),
        ({"starts": 0}, "starts must be at least 1, got 0"),
        ({"max_steps": 0}, "max_steps must be at least 1, got 0"),
        ({"chains": 0}, "chains must be at least 1, got 0"),
        ({"temperatures": -1}, "temperatures must be at least 0, got -1"),
    ],
)
def test_a_number_out_of_range_is_refused(keys: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        evaluation(**keys)


def test_the_interval_of_the_approximation_gap_covers_the_closed_form() -> None:
    """Five data sets, whose 95 % intervals should all hold it; one may miss it by chance, but not by much."""
    off = []
    for _ in range(5):
        model = linear_gaussian(torch.randn(12, 3), torch.zeros(12), 0.7)
        strategy = Given(bound_of(model, make(node("posterior/gaussian"), {"latent_dim": 3})), torch.zeros(200, 6))
        figures = evaluation(starts=2)(strategy, dataset(model.sample(200))).metrics
        error = figures["approximation_gap/train"] - float(model.diagonal_gap().detach())
        off.append(error / figures["approximation_gap_se/train"])
    assert sum(abs(one) > 2 for one in off) <= 1
    assert max(map(abs, off)) < 3
    assert abs(sum(off)) < 2 * math.sqrt(5)  # no bias to one side
