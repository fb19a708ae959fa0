"""A network, a moving average, and division by the standard deviation of earlier steps."""

import pytest
import torch
from torch import Tensor

from tests.problems import all_draws, family_and_model, give, node, objective, space, truth
from vaerun.errors import UserError
from vaerun.estimator.baseline.nvil import NVIL
from vaerun.estimator.score import Score
from vaerun.experiment.make import make
from vaerun.posterior.base import Posterior

pytestmark = pytest.mark.usefixtures("exact")


def facts() -> dict[str, object]:
    return {"data_dim": 3, "data_mean": torch.full((3,), 0.5), "data_std": 0.5}


def nvil(decay: float = 0.5) -> NVIL:
    return make(node("estimator/baseline/nvil", decay=decay), facts())


def x() -> Tensor:
    return torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])


def step(baseline: NVIL, r: Tensor) -> tuple[Tensor, Tensor]:
    """(b, the rescaled advantage) of one step on the ELBO."""
    q: Posterior = make(node("posterior/bernoulli"), {"latent_dim": 2})(torch.zeros(2, 2))
    b = baseline(r, objective("elbo", len(r)), x(), q, torch.zeros(len(r), 2, 2)).detach()
    return b, baseline.rescale(r / len(r) - b)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9])
def test_mean_and_variance_are_those_of_earlier_steps(decay: float) -> None:
    baseline, history = nvil(decay), 20 + 9 * torch.randn(5, 3, 2)
    C = baseline.learned.data_dim * baseline.learned.layers((x() - 0.5) / 2).squeeze(1).detach()
    means: list[float] = []
    variances: list[float] = []
    for t, r in enumerate(history):
        weights = [decay ** (t - 1 - s) for s in range(t)]
        mean = sum(w * m for w, m in zip(weights, means, strict=True)) / sum(weights) if t else 0.0
        variance = sum(w * v for w, v in zip(weights, variances, strict=True)) / sum(weights) if t else 0.0
        b, advantage = step(baseline, r)
        torch.testing.assert_close(b, C + mean)
        torch.testing.assert_close(advantage, (r / 3 - C - mean) / max(1.0, variance**0.5))
        means.append(float((r / 3 - C).mean()))
        variances.append(float((r / 3 - C - mean).var(unbiased=False)))
    assert max(variances) > 1


def test_a_small_advantage_is_not_blown_up() -> None:
    baseline = nvil()
    for r in 1e-3 * torch.randn(4, 3, 2):
        b, advantage = step(baseline, r)
        torch.testing.assert_close(advantage, r / 3 - b)


def test_evaluation_leaves_it_as_it_was() -> None:
    baseline = nvil()
    step(baseline, torch.randn(3, 2))
    before = {name: value.clone() for name, value in baseline.state_dict().items()}
    step(baseline.eval(), torch.randn(3, 2))
    assert all(torch.equal(before[name], value) for name, value in baseline.state_dict().items())
    step(baseline.train(), torch.randn(3, 2))
    assert not torch.equal(before["mean.total"], baseline.mean.total)
    assert not torch.equal(before["variance.total"], baseline.variance.total)


def test_the_expected_gradient_keeps_its_direction_but_not_its_length() -> None:
    family, model = family_and_model("bernoulli", latent_dim=2)
    estimator: Score = make(node("estimator/score", {"baseline": "nvil"}), facts())
    assert isinstance(estimator.baseline, NVIL)
    estimator.baseline.variance.total, estimator.baseline.variance.weight = torch.tensor(9.0), torch.tensor(1.0)
    phi = torch.tensor([[0.4, -0.9]], requires_grad=True)
    answer = truth(family(phi), model, objective("elbo", 1), x()[:1], space("binary", 2))
    (wanted,) = torch.autograd.grad(answer.bound, phi)
    draws = all_draws(family(phi), 2)
    rows = torch.zeros(len(draws.probability), dtype=torch.long)
    estimate = estimator.eval()(give(family(phi[rows]), "sample", draws.values), model, objective("elbo", 2), x()[rows])
    (found,) = torch.autograd.grad((draws.probability * estimate.surrogate).sum(), phi)
    torch.testing.assert_close(found, wanted / 3)
    assert not NVIL.unbiased


def test_its_loss_trains_the_network_and_not_the_average() -> None:
    baseline, r = nvil(), 50 + torch.randn(3, 2)
    step(baseline, r)
    q: Posterior = make(node("posterior/bernoulli"), {"latent_dim": 2})(torch.zeros(2, 2))
    b = baseline(r, objective("elbo", 3), x(), q, torch.zeros(3, 2, 2))
    gradients = torch.autograd.grad(baseline.loss(r / 3, b), list(baseline.parameters()))
    assert all(gradient.abs().max() > 0 for gradient in gradients)
    # What is left to the network is the credit less the average.
    target = (r / 3).mean(0) - (b - baseline.learned(r, objective("elbo", 3), x(), q, r)).detach()
    assert target.abs().max() < 3


def test_a_decay_outside_0_1_is_refused() -> None:
    with pytest.raises(UserError, match=r"estimator\.baseline\.decay must be at least 0 and below 1, got 1"):
        nvil(1.0)
