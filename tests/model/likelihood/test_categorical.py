"""p(x) = softmax(logits)[(L − 1) x]."""

import pytest
import torch

from tests.problems import node
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.model.likelihood.bernoulli import BernoulliLikelihood
from vaerun.model.likelihood.categorical import CategoricalLikelihood

pytestmark = pytest.mark.usefixtures("exact")


def likelihood(levels: int, data_dim: int = 2) -> CategoricalLikelihood:
    facts = {"data_dim": data_dim, "data_std": 1.0}
    return make(node("model/likelihood/categorical", levels=levels), facts)


def test_it_is_one_softmax_for_each_pixel() -> None:
    of, outputs = likelihood(3), torch.randn(4, 6)
    probability = outputs.reshape(4, 2, 3).softmax(-1)
    x = torch.tensor([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0], [0.0, 0.5]])
    peer = torch.stack([probability[i, 0, int(2 * a)] * probability[i, 1, int(2 * b)] for i, (a, b) in enumerate(x)])
    torch.testing.assert_close(of.log_prob(x, outputs).exp(), peer)


def test_two_levels_are_bits() -> None:
    bits, x = BernoulliLikelihood(data_dim=2, data_std=1.0), torch.tensor([[0.0, 1.0], [1.0, 1.0]])
    logits = torch.randn(2, 2)
    outputs = torch.stack((torch.zeros(2, 2), logits), -1).flatten(1)
    torch.testing.assert_close(likelihood(2).log_prob(x, outputs), bits.log_prob(x, logits))
    torch.testing.assert_close(likelihood(2).mean(outputs), bits.mean(logits))


def test_data_off_the_grid_count_as_the_nearest_value() -> None:
    of, outputs = likelihood(3), torch.randn(2, 6)
    off, on = torch.tensor([[0.2, 0.7], [0.8, 0.3]]), torch.tensor([[0.0, 0.5], [1.0, 0.5]])
    assert torch.equal(of.log_prob(off, outputs), of.log_prob(on, outputs))


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_it_starts_at_the_flattest_distribution_with_the_datas_mean(levels: int) -> None:
    mean = torch.tensor([0.03, 0.5])
    of = likelihood(levels)
    logits = of.logits(of.initial_outputs(mean))
    torch.testing.assert_close(of.mean(of.initial_outputs(mean)), mean)
    torch.testing.assert_close(logits.softmax(-1)[1], torch.full((levels,), 1 / levels))
    torch.testing.assert_close(logits.diff(dim=-1), logits.diff(dim=-1)[:, :1].expand(-1, levels - 1))


def test_one_value_is_no_distribution() -> None:
    with pytest.raises(UserError, match=r"model\.likelihood\.levels must be at least 2, got 1"):
        likelihood(1)
