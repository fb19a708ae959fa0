"""The ascent in φ climbs the ELBO, whatever was trained, up to optima that are known."""

import pytest
import torch
from torch import Tensor

from tests.evaluation.given import bound_of, gaussian_problem
from tests.problems import (
    bernoulli_space,
    exact_elbo,
    family_and_model,
    node,
    objective,
    options,
    space,
    truth,
)
from vaerun.bound.bound import Bound
from vaerun.bound.lowest_variance import lowest_variance_elbo
from vaerun.errors import UserError
from vaerun.evaluation.ascent import ascend, best, elbo, pick
from vaerun.execution import memory as chunk
from vaerun.experiment.make import make
from vaerun.objective.elbo import ELBO

pytestmark = pytest.mark.usefixtures("exact")


def trained(option: str, beta: float = 1.0) -> tuple[Bound, Tensor, Tensor]:
    """The problem of which the trained objective is that one, at K = 8."""
    bound, x, phi = gaussian_problem(orthogonal=False)
    made = make(node("estimator/reparam"), {})
    J = objective(option, 8, beta)
    return Bound(model=bound.model, family=bound.family, objective=J, estimator=made), x, phi


@pytest.mark.slow
@pytest.mark.parametrize("posterior", options("posterior"))
def test_every_family_has_an_estimator_whose_ascent_gains(posterior: str) -> None:
    # Half of the coordinates of a layered q have a φ of their own.
    family, model = family_and_model(posterior, latent_dim=4 if posterior == "layered_bernoulli" else 2)
    bound = bound_of(model, family)
    climbed = lowest_variance_elbo(bound, num_samples=4)
    assert climbed.model is model
    assert climbed.family is family
    assert climbed.estimator.unbiased
    assert isinstance(climbed.objective, ELBO)
    x = bernoulli_space(3)
    start = family.initial().expand(8, -1)
    solution = ascend(climbed, x, start, 60)
    before, after = (elbo(bound, x, phi, 4000, seed=1) for phi in (start, solution.phi))
    assert float((after - before).mean()) > 0.05
    assert set(solution.steps.tolist()) <= {20, 40, 60}
    assert solution.decoder_evaluations == int(solution.steps.sum()) * climbed.decodes


@pytest.mark.parametrize(
    ("posterior", "latent_dim", "estimator"),
    [
        ("bernoulli", 3, "Enumerate"),
        ("bernoulli", 9, "DisARM"),
        ("autoregressive_bernoulli", 9, "Score"),
        ("categorical", 20, "Score"),
        ("mixture", 2, "StratifiedReparam"),
        ("iaf", 2, "Reparam"),
        ("gaussian", 2, "DoublyReparam"),
        ("full_gaussian", 2, "DoublyReparam"),
    ],
)
def test_the_estimator_is_the_best_that_q_allows(posterior: str, latent_dim: int, estimator: str) -> None:
    family, model = family_and_model(posterior, latent_dim=latent_dim)
    assert type(lowest_variance_elbo(bound_of(model, family), num_samples=4).estimator).__name__ == estimator


@pytest.mark.parametrize(("option", "beta"), [("elbo", 1.0), ("elbo", 5.0), ("iwae", 1.0), ("free_bits", 1.0)])
def test_it_finds_the_best_diagonal_gaussian_whatever_was_trained(option: str, beta: float) -> None:
    bound, x, optimum = trained(option, beta)
    model = bound.model
    before = [weight.clone() for weight in model.parameters()]
    solution = ascend(lowest_variance_elbo(bound), x, torch.zeros_like(optimum), 1000)
    assert solution.converged.all()
    found, highest = (exact_elbo(model, x, phi).detach() for phi in (solution.phi, optimum))
    assert (found <= highest + 1e-12).all()
    assert (found > highest - 5e-3).all()
    gap = float(model.diagonal_gap().detach())
    assert float((model.exact_log_prob(x).detach() - found).mean()) == pytest.approx(gap, abs=1e-3)
    assert all(weight.grad is None for weight in model.parameters())
    assert all(torch.equal(weight, was) for weight, was in zip(model.parameters(), before, strict=True))


def test_a_richer_family_closes_the_gap_over_the_same_model() -> None:
    bound, x, _ = gaussian_problem(orthogonal=False)
    family = make(node("posterior/full_gaussian"), {"latent_dim": 2})
    richer = lowest_variance_elbo(bound, family=family)
    assert richer.family is family
    solution = ascend(richer, x, family.initial().expand(len(x), -1), 1000)
    found = elbo(richer, x, solution.phi, 2000, seed=0)
    assert (bound.model.exact_log_prob(x).detach() - found).abs().max() < 1e-3


def test_bits_reach_their_enumerated_optimum() -> None:
    family, model = family_and_model("bernoulli", latent_dim=1)
    bound, x = bound_of(model, family), bernoulli_space(3)
    solution = ascend(lowest_variance_elbo(bound), x, torch.zeros(8, 1), 1000)
    over = space("binary", 1)
    values = torch.stack([model.log_joint(x, z.expand(1, 8, 1))[0] for z in over.z[:, 0]]).detach()
    assert solution.converged.all()
    assert torch.allclose(solution.phi.sigmoid()[:, 0], values.softmax(0)[over.z[:, 0, 0].argmax()], atol=0.01)
    exact = truth(family(solution.phi[[0]]), model, objective("elbo", 1), x[[0]], over).bound.detach()
    assert float(exact) == pytest.approx(float(values[:, 0].logsumexp(0)), abs=1e-3)


@pytest.mark.parametrize("numbers", [2**19, 50, 1])
def test_the_cut_into_chunks_loses_no_point(numbers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    bound, x, optimum = gaussian_problem(orthogonal=True)
    monkeypatch.setattr(chunk, "NUMBERS", {"cpu": numbers})
    solution = ascend(lowest_variance_elbo(bound), x, optimum, 40, tolerance=0.0)
    assert torch.allclose(solution.phi, optimum, atol=1e-6)
    assert solution.steps.shape == solution.converged.shape == (9,)
    assert solution.state.memory.shape == (9, 1)
    assert solution.decoder_evaluations == 9 * 40 * 16
    log_p = bound.model.exact_log_prob(x).detach()
    assert torch.allclose(elbo(bound, x, optimum, 5, seed=0), log_p)  # without noise at the posterior


def test_noise_in_common_tells_apart_what_noise_of_its_own_would_not() -> None:
    bound, x, optimum = gaussian_problem(orthogonal=False)
    worse = optimum + 0.02
    draws = elbo(bound, x, optimum, 8, seed=3)
    assert torch.equal(draws, elbo(bound, x, optimum, 8, seed=3))
    assert not torch.equal(draws, elbo(bound, x, optimum, 8, seed=4))
    state = torch.get_rng_state()
    elbo(bound, x, optimum, 8, seed=3)
    assert torch.equal(state, torch.get_rng_state())
    exact = (exact_elbo(bound.model, x, optimum) - exact_elbo(bound.model, x, worse)).detach()
    common = elbo(bound, x, optimum, 4000, seed=3) - elbo(bound, x, worse, 4000, seed=3)
    assert (common - exact).abs().max() < 4e-3


def test_the_best_is_chosen_point_by_point() -> None:
    bound, x, optimum = gaussian_problem(orthogonal=False)
    good, bad = optimum.clone(), optimum.clone()
    bad[::2, 0] += 1.0
    good[1::2, 0] += 1.0
    places = best(bound, x, [bad, good])
    assert places.tolist() == [1, 0, 1, 0, 1, 0, 1, 0, 1]
    assert torch.equal(pick([bad, good], places), optimum)


def test_one_sample_is_refused() -> None:
    bound, *_ = gaussian_problem(orthogonal=True)
    with pytest.raises(UserError, match="num_samples must be at least 2, got 1"):
        lowest_variance_elbo(bound, num_samples=1)


def test_a_family_over_other_blocks_is_refused_in_a_sentence() -> None:
    _, model = family_and_model("categorical", latent_dim=2)
    family, _ = family_and_model("bernoulli", latent_dim=2)
    bound = bound_of(model, family_and_model("categorical", latent_dim=2)[0])
    with pytest.raises(UserError, match="is over binary z, but CategoricalPrior is over categorical z"):
        lowest_variance_elbo(bound, family=family)
