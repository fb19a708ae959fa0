"""One θ under several ways of inference, on a linear-Gaussian model where each of their bounds is known."""

import logging
from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.evaluation.given import Given, bound_of, gaussian_problem
from tests.problems import (
    bernoulli_space,
    dataset,
    exact_elbo,
    family_and_model,
    linear_strategy,
    log_evidence,
    node,
    objective,
    optimal_phi,
    options,
    simulated,
    space,
)
from vaerun.amortizer.base import Amortizer
from vaerun.bound.bound import Bound
from vaerun.bound.lowest_variance import lowest_variance_elbo
from vaerun.errors import UserError
from vaerun.evaluation import cross as module
from vaerun.evaluation.cross import CrossEvaluation
from vaerun.evaluation.fitted import fit
from vaerun.execution import memory as chunk
from vaerun.experiment.make import make
from vaerun.model.linear_gaussian import LinearGaussian
from vaerun.posterior.gaussian import DiagonalGaussian
from vaerun.strategy.base import Inference

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("exact")]

FAST = make(node("optimizer/adam", learning_rate=0.03), {})


class HalfBlind(Amortizer):
    """φ is affine in the first two of three coordinates, its scale the same for every x."""

    def __init__(self, initial: Tensor) -> None:
        super().__init__()
        self.mean = nn.Linear(2, len(initial) // 2)
        self.scale = nn.Parameter(initial[len(initial) // 2 :].clone())

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((self.mean(x[:, :2]), self.scale.expand(len(x), -1)), 1)


class Guessing(Given):
    """A strategy whose φ = f_λ(x)."""

    def __init__(self, bound: Bound, amortizer: Amortizer) -> None:
        super().__init__(bound, torch.empty(0))
        self.amortizer = amortizer

    def infer(self, x: Tensor, index: Tensor | None = None, split: str = "new") -> Inference:
        return Inference(self.amortizer(x))


def problem(n: int = 400) -> tuple[LinearGaussian, Guessing, Tensor]:
    """A model with an approximation gap, the best half-blind encoder on the points, and the points."""
    bound, _, _ = gaussian_problem(orthogonal=False)
    model: LinearGaussian = bound.model
    x = model.sample(n)
    phi = optimal_phi(model, x)
    encoder = HalfBlind(phi[0])
    # The regression of the best means on what the encoder sees.
    seen = torch.cat((x[:, :2], torch.ones(n, 1)), 1)
    weights = torch.linalg.lstsq(seen, phi[:, :2]).solution
    with torch.no_grad():
        encoder.mean.weight.copy_(weights[:2].T)
        encoder.mean.bias.copy_(weights[2])
        encoder.scale.copy_(phi[0, 2:])
    return model, Guessing(bound, encoder), x


def amortization_gap(model: LinearGaussian, x: Tensor, mean: Tensor) -> Tensor:
    """½ (m − m*)ᵀ Λ (m − m*) of every point, Float[Tensor, "N"]."""
    off = mean - optimal_phi(model, x)[:, : mean.shape[1]]
    return (0.5 * (off @ model.precision() * off).sum(1)).detach()


def balanced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every number of draws is made of the four corners (±1, ±1), so that every bound and gradient here is exact."""

    def noise(self: DiagonalGaussian, k: int) -> Tensor:
        corners = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 2)
        return corners.repeat(k // 4, 1).unsqueeze(1).expand(-1, len(self.mu), -1)

    monkeypatch.setattr(DiagonalGaussian, "noise", noise)


def cross(amortizer: Amortizer, **keys: Any) -> CrossEvaluation:
    return CrossEvaluation(**{"amortizer": amortizer, "optimizer": FAST, "num_samples": 4, "encoder_epochs": 0} | keys)


@pytest.mark.parametrize(("points", "lengths"), [(1024, (5, 40)), (45, (40,))])
def test_encoder_and_coordinate_columns_are_the_closed_forms_and_refinement_lies_between(
    points: int, lengths: tuple[int, ...], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model, strategy, x = problem(100)
    balanced(monkeypatch)
    monkeypatch.setattr(module, "POINTS", points)
    monkeypatch.setattr(chunk, "NUMBERS", {"cpu": 2**19 if points > 100 else 2000})
    log_p = model.exact_log_prob(x).detach()
    lost = amortization_gap(model, x, strategy.amortizer.mean(x[:, :2]).detach())
    assert float(lost.mean()) > 0.1
    refined = []
    for steps in lengths:
        found = cross(strategy.amortizer, steps=steps)(strategy, dataset(x)).metrics
        refined.append(found[f"elbo_refined_{steps}/test"])
    highest = log_p - model.diagonal_gap().detach()
    for name in ("elbo", "elbo_encoder"):
        assert found[f"{name}/test"] == pytest.approx(float((highest - lost).mean()), abs=1e-9)
        assert found[f"{name}_se/test"] == pytest.approx(float((highest - lost).std() / 10), abs=1e-9)
    assert found["elbo_coordinate/test"] == pytest.approx(float(highest.mean()), abs=1e-4)
    assert found["lost_encoder/test"] == pytest.approx(float(lost.mean()), abs=1e-4)
    assert found["lost_encoder_se/test"] == pytest.approx(float(lost.std() / 10), abs=1e-4)
    ladder = [found["elbo_encoder/test"], *refined, found["elbo_coordinate/test"]]
    assert ladder == sorted(ladder)
    assert refined[0] > ladder[0] + 0.02
    assert found["coordinate_converged/test"] == 1
    assert not caplog.records
    columns = ("elbo", "elbo_encoder", "elbo_refined_40", "elbo_coordinate", "lost", "lost_encoder", "lost_refined_40")
    assert set(found) == {f"{c}{se}/test" for c in columns for se in ("", "_se")} | {"coordinate_converged/test"}


def test_an_encoder_fitted_at_fixed_theta_is_the_best_of_its_kind_and_leaves_no_trace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """For a strategy without an encoder of its own, whose Φ stays as it is, too."""
    model, guessing, x = problem()
    lost = amortization_gap(model, x, guessing.amortizer.mean(x[:, :2]).detach())
    strategy = linear_strategy("coordinate", x, test_steps=40)
    fresh = HalfBlind(torch.zeros(4))
    for name, value in (("W", model.W), ("mu", model.mu), ("raw_log_sigma", model.raw_log_sigma)):
        setattr(strategy.bound.model, name, value)
    strategy.bound.model.data_std = model.data_std
    was = {name: value.clone() for name, value in {**strategy.state_dict(), **fresh.state_dict()}.items()}
    evaluation = cross(fresh, encoder_epochs=200, num_samples=2000)
    computed = evaluation(strategy, dataset(x))
    found = computed.metrics
    assert "elbo_encoder/test" not in found
    assert found["lost_fitted_encoder/test"] == pytest.approx(float(lost.mean()), abs=0.005)
    assert found["elbo/test"] < found["elbo_coordinate/test"]
    assert found["elbo_fitted_encoder/test"] + 0.02 < found["elbo_refined_20/test"]
    assert found["elbo_refined_20/test"] < found["elbo_coordinate/test"] + 1e-3
    for encoder in (fresh, evaluation.fresh):
        now = {**strategy.state_dict(), **encoder.state_dict()}
        assert all(torch.equal(now[name], value) for name, value in was.items())
    assert all(weight.grad is None for weight in strategy.parameters())
    assert not caplog.records
    assert computed.points["elbo_fitted_encoder"].shape == (400,)
    assert computed.points["coordinate_converged"].all()


def test_a_fit_that_cannot_gain_ends_where_it_began_after_its_cuts() -> None:
    _, strategy, x = problem(100)
    made = []

    def optimizer(weights: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        made.append(torch.optim.SGD(weights, lr=2.7))
        return made[-1]

    fits = [
        fit(lowest_variance_elbo(strategy.bound, num_samples=2), strategy.amortizer, optimizer, dataset(x), limit)
        for limit in (50, 11)
    ]
    assert [(fitted.epochs, fitted.converged) for fitted in fits] == [(12, True), (11, False)]
    assert made[0].param_groups[0]["lr"] == pytest.approx(0.1)
    for name, value in strategy.amortizer.state_dict().items():
        assert all(torch.equal(fitted.amortizer.state_dict()[name], value) for fitted in fits)


def test_steps_that_lose_to_noise_are_taken_back() -> None:
    model, strategy, x = problem(200)
    strategy.amortizer.forward = lambda x: optimal_phi(model, x)
    strategy.infer = lambda x, *_: Inference(torch.zeros(len(x), 4))
    computed = cross(strategy.amortizer, learning_rate=2.0, num_samples=100)(strategy, dataset(x))
    assert computed.metrics["lost_refined_20/test"] == pytest.approx(0, abs=0.01)
    # The same φ has the same noise in both columns.
    assert torch.equal(computed.points["elbo_refined_20"], computed.points["elbo_encoder"])


def test_what_fitting_starts_from_is_the_encoder_as_it_was_before_training() -> None:
    _, strategy, _ = problem(100)
    untrained, trained = HalfBlind(torch.zeros(4)), strategy.amortizer
    evaluation = cross(untrained, encoder_epochs=3)
    untrained.load_state_dict(trained.state_dict())
    start = evaluation.fresh.state_dict()
    assert not any(torch.equal(start[name], value) for name, value in trained.state_dict().items())


def test_what_was_trained_has_no_part_in_what_is_found() -> None:
    _, strategy, x = problem(30)
    fresh, found = HalfBlind(torch.zeros(4)), []
    for option, beta in (("elbo", 1.0), ("iwae", 1.0), ("elbo", 7.0)):
        old = strategy.bound
        made = make(node("estimator/reparam"), {})
        strategy.bound = Bound(
            model=old.model, family=old.family, objective=objective(option, 5, beta), estimator=made
        ).eval()
        torch.manual_seed(1)
        found.append(cross(fresh, encoder_epochs=2)(strategy, dataset(x)).metrics)
    assert found[0] == found[1] == found[2]


def test_training_points_are_read_from_their_rows_and_others_are_seen_as_new() -> None:
    x = simulated(40)
    strategy = linear_strategy("coordinate", x, test_steps=20)
    table = strategy.table("train")
    table.phi.copy_(torch.randn_like(table.phi))
    exact = exact_elbo(strategy.bound.model, x, table.phi).detach().mean()
    amortizer = make(node("amortizer/mlp", hidden=[]), facts(x))
    found = cross(amortizer, split="train", num_samples=4000, max_steps=20)(strategy, dataset(x)).metrics
    assert found["elbo/train"] == pytest.approx(float(exact), abs=0.1)
    assert "elbo_refined_20/train" not in found
    strategy.table("valid").phi.fill_(9.0)
    found = cross(amortizer, split="valid", points=5, max_steps=20)(strategy, dataset(x)).metrics
    assert found["elbo/valid"] > float(exact) + 1
    assert (strategy.table("valid").phi == 9.0).all()


def facts(x: Tensor) -> dict[str, Any]:
    """What an amortizer of two Gaussian latents is told."""
    initial = torch.zeros(4)
    return {
        "data_dim": x.shape[1],
        "data_mean": x.mean(0),
        "data_std": 1.0,
        "num_parameters": 4,
        "initial": initial,
    }


@pytest.mark.parametrize("name", options("strategy"))
def test_every_strategy_has_its_row(name: str) -> None:
    x = simulated(60)
    strategy = linear_strategy(name, x, k=2)
    amortizer = getattr(strategy, "amortizer", None) or make(node("amortizer/mlp", hidden=[]), facts(x))
    computed = cross(amortizer, encoder_epochs=2, points=5, max_steps=200, num_samples=400)(strategy.eval(), dataset(x))
    found = computed.metrics
    assert ("elbo_encoder/test" in found) == (not strategy.per_point)
    for column in ("elbo", "elbo_fitted_encoder", "elbo_refined_20"):
        assert found[f"{column}/test"] < found["elbo_coordinate/test"] + 0.05


def test_bits_have_a_row_too() -> None:
    family, model = family_and_model("bernoulli", latent_dim=1)
    x = bernoulli_space(3)
    amortizer = make(node("amortizer/mlp", hidden=[]), {**facts(x), "num_parameters": 1, "initial": torch.zeros(1)})
    strategy = Given(bound_of(model, family), torch.zeros(8, 1))
    strategy.infer = lambda x, *_: Inference(torch.zeros(len(x), 1))
    found = cross(amortizer, num_samples=4000)(strategy, dataset(x)).metrics
    log_p = log_evidence(model, x, space("binary", 1)).detach()
    assert found["elbo_coordinate/test"] == pytest.approx(float(log_p.mean()), abs=2e-3)
    assert found["lost/test"] > 0


def test_what_had_not_converged_is_said(caplog: pytest.LogCaptureFixture) -> None:
    _, strategy, x = problem(20)
    with caplog.at_level(logging.WARNING, "vaerun"):
        found = cross(strategy.amortizer, max_steps=1, encoder_epochs=1)(strategy, dataset(x)).metrics
    lost = round(20 * (1 - found["coordinate_converged/test"]))
    assert 3 < lost < 20  # the best encoder is near the optimum of some points
    encoder, ascents = (record.getMessage() for record in caplog.records)
    assert "fitted encoder had not converged after 1 epoch" in encoder
    assert f"{lost} of 20 points had not converged after 1 step" in ascents
    assert "evaluation.max_steps=3" in ascents


def test_what_is_no_density_has_no_bound() -> None:
    vae = node("model/vae", {"likelihood": "cross_entropy"}, latent_dim=2)
    x = torch.rand(4, 3)
    model = make(vae, {"latent_dim": 2, "data_dim": 3, "data_mean": torch.full((3,), 0.5), "data_std": 1.0})
    strategy = Guessing(bound_of(model, make(node("posterior/gaussian"), {"latent_dim": 2})), HalfBlind(torch.zeros(4)))
    computed = cross(strategy.amortizer, max_steps=20)(strategy, dataset(x))
    names = {name.partition("/")[0] for name in computed.metrics}
    assert {"pseudo_elbo", "pseudo_elbo_encoder", "pseudo_elbo_coordinate", "lost_encoder"} < names
    assert not any(name.startswith("elbo") for name in names | set(computed.points))


@pytest.mark.parametrize(
    "keys",
    [
        {"split": "all"},
        {"points": 0},
        {"num_samples": 0},
        {"steps": 0},
        {"learning_rate": 0.0},
        {"max_steps": 0},
        {"encoder_epochs": -1},
    ],
)
def test_what_cannot_be_evaluated_is_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=f"evaluation.{next(iter(keys))}"):
        cross(HalfBlind(torch.zeros(4)), **keys)
