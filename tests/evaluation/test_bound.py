"""The ELBO, its terms and the importance-weighted bound that are reported, against exact values."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.problems import (
    all_draws,
    bernoulli_space,
    dataset,
    exact_elbo,
    family_and_model,
    linear_gaussian,
    log_evidence,
    node,
    objective,
    optimal_phi,
    quadrature,
    space,
    truth,
)
from vaerun.bound.bound import Bound
from vaerun.bound.monte_carlo import bounds
from vaerun.errors import UserError
from vaerun.evaluation import bound as module
from vaerun.evaluation.bound import BoundEvaluation
from vaerun.experiment.make import make
from vaerun.posterior.bernoulli import IndependentBernoulli
from vaerun.strategy.base import Inference, Strategy

pytestmark = pytest.mark.usefixtures("exact")


class Given(Strategy):
    """A strategy whose φ are given."""

    per_point = True

    def __init__(self, bound: Bound, phi: Tensor) -> None:
        super().__init__(bound=bound, shared=bound, optimizer=lambda weights: torch.optim.SGD(weights, lr=1.0))
        self.phi = phi

    def infer(self, x: Tensor, index: Tensor | None = None, split: str = "new") -> Inference:
        return Inference(self.phi[index], {"inner_steps": index.double()})

    def step(self, batch: Any) -> Any:
        raise NotImplementedError


def bound_of(model: nn.Module, family: nn.Module, *, beta: float = 1.0, estimator: str = "score") -> Bound:
    made = make(node(f"estimator/{estimator}"), {})
    return Bound(model=model, family=family, objective=objective("elbo", 1, beta), estimator=made)


def gaussian_problem(*, orthogonal: bool) -> tuple[Bound, Tensor, Tensor]:
    """A linear-Gaussian bound, points, and the best diagonal φ of each; with orthogonal columns q is the posterior."""
    W = torch.tensor([[1.0, 0.4], [-0.5, 0.8], [0.0, 0.6]])
    if not orthogonal:
        W[2, 0] = 0.9
    model = linear_gaussian(W, torch.zeros(3), 0.4)
    x = model.sample(9)
    return bound_of(model, make(node("posterior/gaussian"), {"latent_dim": 2})), x, optimal_phi(model, x)


def test_the_elbo_and_its_terms_are_exact_where_the_draws_are(monkeypatch: pytest.MonkeyPatch) -> None:
    bound, x, _ = gaussian_problem(orthogonal=False)
    phi = 0.5 * torch.randn(9, 4)
    quadrature(monkeypatch)
    found = BoundEvaluation(split="valid", num_samples=4)(Given(bound, phi), dataset(x)).metrics
    elbo, q = exact_elbo(bound.model, x, phi).detach(), bound.family(phi)
    kl = q.kl(bound.model.prior)
    assert found["elbo/valid"] == pytest.approx(float(elbo.mean()), abs=1e-10)
    assert found["kl/valid"] == pytest.approx(float(kl.mean()), abs=1e-10)
    assert found["log_likelihood/valid"] == pytest.approx(float((elbo + kl).mean()), abs=1e-10)
    assert found["elbo_se/valid"] == pytest.approx(float(elbo.std() / 3), abs=1e-10)
    assert found["inner_steps/valid"] == 4
    assert set(found) == {
        *("elbo/valid", "elbo_se/valid", "log_likelihood/valid", "kl/valid", "inner_steps/valid"),
        *("iwae_4/valid", "iwae_4_se/valid"),
    }


@pytest.mark.parametrize("rows", [8192, 50, 9, 1])
@pytest.mark.parametrize("k", [2, 37])
def test_at_the_exact_posterior_every_figure_is_log_p_however_the_draws_are_cut(
    k: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound, x, phi = gaussian_problem(orthogonal=True)
    assert float(bound.model.diagonal_gap().detach()) == pytest.approx(0, abs=1e-12)
    monkeypatch.setattr(module, "ROWS", rows)
    log_p = bound.model.exact_log_prob(x).detach()
    found = BoundEvaluation(num_samples=k)(Given(bound, phi), dataset(x)).metrics
    for name in ("elbo", f"iwae_{k}"):
        assert found[f"{name}/test"] == pytest.approx(float(log_p.mean()), abs=1e-9)
        assert found[f"{name}_se/test"] == pytest.approx(float(log_p.std() / 3), abs=1e-9)


@pytest.mark.parametrize("rows", [8192, 8])
def test_on_bits_both_bounds_are_exact_in_expectation(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over every pair of draws, at once (8192 rows) and one after the other (8 rows, a chunk of one draw)."""
    family, model = family_and_model("bernoulli", latent_dim=2)
    bound, x, phi = bound_of(model, family, beta=0.3), bernoulli_space(3), torch.randn(8, 2)
    monkeypatch.setattr(module, "ROWS", rows)
    queue: list[Tensor] = []

    def sample(self: IndependentBernoulli, k: int) -> Tensor:
        return torch.stack([queue.pop(0) for _ in range(k)]).unsqueeze(1).expand(-1, 8, -1)

    monkeypatch.setattr(IndependentBernoulli, "sample", sample)
    pairs = all_draws(family(phi[:1]), 2).values
    probabilities = torch.stack([all_draws(family(row), 2).probability for row in phi.unsqueeze(1)], dim=1)  # [T, B]
    totals = {name: torch.zeros(8) for name in ("elbo", "log_likelihood", "kl", "iwae_2")}
    with torch.no_grad():
        for pair, probability in zip(pairs.unbind(1), probabilities, strict=True):
            queue.extend(pair)
            for metric, values in bounds(bound, x, phi, 2).items():
                totals[metric.name] += probability * values
            assert not queue
        over = space("binary", 2)
        for i in range(8):
            one = truth(family(phi[[i]]), model, objective("elbo", 2), x[[i]], over)
            two = truth(family(phi[[i]]), model, objective("iwae", 2), x[[i]], over)
            assert float(totals["elbo"][i]) == pytest.approx(float(one.bound), abs=1e-10)
            assert float(totals["log_likelihood"][i]) == pytest.approx(float(one.log_likelihood), abs=1e-10)
            assert float(totals["kl"][i]) == pytest.approx(float(one.kl), abs=1e-10)
            assert float(totals["iwae_2"][i]) == pytest.approx(float(two.bound), abs=1e-10)
        assert (totals["elbo"] < totals["iwae_2"]).all()
        assert (totals["iwae_2"] < log_evidence(model, x, over)).all()


def test_what_was_trained_has_no_part_in_what_is_reported() -> None:
    family, model = family_and_model("gaussian", latent_dim=2)
    x, phi = bernoulli_space(3), torch.randn(8, 4)
    found = []
    for beta, estimator in ((1.0, "reparam"), (0.1, "score"), (5.0, "analytic_kl")):
        torch.manual_seed(0)
        bound = bound_of(model, family, beta=beta, estimator=estimator)
        found.append(BoundEvaluation(num_samples=3)(Given(bound, phi), dataset(x)).metrics)
    assert found[0] == found[1] == found[2]


def test_one_sample_has_no_importance_weighted_figure_and_one_point_no_standard_error() -> None:
    bound, x, phi = gaussian_problem(orthogonal=True)
    found = BoundEvaluation(num_samples=1)(Given(bound, phi), dataset(x[:1])).metrics
    assert set(found) == {"elbo/test", "log_likelihood/test", "kl/test", "inner_steps/test"}


def test_some_points_are_spread_over_the_split() -> None:
    bound, x, phi = gaussian_problem(orthogonal=True)
    log_p = bound.model.exact_log_prob(x).detach()[[0, 4, 8]]
    found = BoundEvaluation(num_samples=2, points=3)(Given(bound, phi), dataset(x)).metrics
    assert found["elbo/test"] == pytest.approx(float(log_p.mean()), abs=1e-9)
    assert found["elbo_se/test"] == pytest.approx(float(log_p.std() / math.sqrt(3)), abs=1e-9)
    everyone = BoundEvaluation(num_samples=2, points=100)(Given(bound, phi), dataset(x)).metrics
    assert everyone["inner_steps/test"] == 4


def test_the_batches_of_a_sweep_are_joined_point_by_point(monkeypatch: pytest.MonkeyPatch) -> None:
    bound, x, phi = gaussian_problem(orthogonal=True)
    whole = BoundEvaluation(num_samples=2)(Given(bound, phi), dataset(x)).metrics
    monkeypatch.setattr(module, "ROWS", 8)  # four points at a time, so a last batch of one
    parts = BoundEvaluation(num_samples=2)(Given(bound, phi), dataset(x)).metrics
    for name in ("elbo", "elbo_se", "iwae_2", "iwae_2_se", "inner_steps"):  # its two terms depend on the draws
        assert parts[f"{name}/test"] == pytest.approx(whole[f"{name}/test"], abs=1e-9)


def test_what_is_no_density_has_no_bound() -> None:
    facts = {"latent_dim": 2, "data_dim": 3, "data_mean": torch.full((3,), 0.5), "data_std": 1.0}
    model = make(node("model/vae", {"likelihood": "cross_entropy"}, latent_dim=2), facts)
    bound = bound_of(model, make(node("posterior/gaussian"), facts))
    found = BoundEvaluation(num_samples=2)(Given(bound, torch.zeros(4, 4)), dataset(torch.rand(4, 3))).metrics
    assert set(found) == {
        *("pseudo_elbo/test", "pseudo_elbo_se/test", "pseudo_iwae_2/test", "pseudo_iwae_2_se/test"),
        *("log_likelihood/test", "kl/test", "inner_steps/test"),
    }


@pytest.mark.parametrize("keys", [{"split": "all"}, {"num_samples": 0}, {"points": 0}])
def test_what_cannot_be_evaluated_is_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=f"evaluation.{next(iter(keys))}"):
        BoundEvaluation(**keys)
