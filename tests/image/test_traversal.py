"""Walks of single latents: which, how far, and what stays, where all of it is known."""

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.image.known import MU, Known, W, mean_of_q, problem, tile
from tests.problems import dataset, family_and_model, node, prior_over
from vaerun.experiment.make import make
from vaerun.image.style import ImageStyle
from vaerun.image.traversal import Traversal, walk
from vaerun.posterior.active_units import ACTIVE

pytestmark = pytest.mark.usefixtures("exact")


def test_active_latents_walk_through_their_prior_most_active_first() -> None:
    strategy, data = problem(300)
    drawn = Traversal.of(strategy, data, 8)
    x = data.valid.x[torch.linspace(0, 299, 256).long()]
    activity = mean_of_q(x).var(0)
    assert activity[1] > activity[0] > ACTIVE > activity[2]
    assert drawn.latent.tolist() == [1, 0]
    torch.testing.assert_close(drawn.variance, activity[[1, 0]])
    torch.testing.assert_close(drawn.value, torch.linspace(-2.5, 2.5, 9).expand(2, -1))
    assert drawn.index == 0
    torch.testing.assert_close(drawn.x, data.valid.x[0])
    for row, d in enumerate((1, 0)):
        expected = mean_of_q(drawn.x).repeat(9, 1)
        expected[:, d] = drawn.value[row]
        torch.testing.assert_close(drawn.z[row], expected)
    torch.testing.assert_close(drawn.mean, drawn.z @ W.T + MU)
    assert Traversal.of(strategy, data, 1).latent.tolist() == [1]


def test_the_picture_has_a_row_per_latent() -> None:
    strategy, data = problem()
    drawn = Traversal.of(strategy, data, 8)
    picture = drawn.image(ImageStyle((2, 2), -10.0, 10.0))
    assert picture.shape == (2 * 29 + 1, 9 * 29 + 1)
    for row, column in ((0, 0), (1, 8)):
        expected = np.rint(255 * (drawn.mean[row, column].numpy().reshape(2, 2) + 10) / 20)
        np.testing.assert_array_equal(tile(picture, row, column), expected)


def test_where_none_is_active_the_one_that_varies_most_walks() -> None:
    strategy, data = problem()
    assert isinstance(strategy, Known)
    inner = strategy.f
    assert Traversal.of(strategy, data, 8).note() == ""
    strategy.f = lambda x: 1e-3 * inner(x)
    drawn = Traversal.of(strategy, data, 8)
    assert drawn.latent.tolist() == [int(mean_of_q(data.valid.x).var(0).argmax())]
    assert "over the points of this traversal, Var_x E_q[z_d] is at most" in drawn.note()
    strategy.f = lambda x: torch.zeros(len(x), 6)
    assert len(Traversal.of(strategy, data, 8).latent) == 1


@pytest.mark.parametrize("layers", [[2, 3], [2]])
def test_a_latent_that_x_does_not_see_has_no_row(layers: list[int]) -> None:
    """All bits vary with x, those of the upper layer most; only the lower layer's change E[x given z]."""
    facts = {"data_dim": 3, "data_mean": torch.full((3,), 0.4), "data_std": 1.0}
    nested = {"prior": prior_over("binary")}
    model = make(node("model/sigmoid_belief", nested, layers=layers), facts)
    d = sum(layers)
    size = torch.arange(1.0, d + 1)
    strategy = Known(model, make(node("posterior/bernoulli"), {"latent_dim": d}), lambda x: x[:, :1] * size)
    drawn = Traversal.of(strategy, dataset(torch.randn(50, 3)), 8)
    assert drawn.latent.tolist() == [1, 0]
    torch.testing.assert_close(drawn.value, torch.linspace(0, 1, 9).expand(2, -1))


def test_a_latent_of_another_prior_walks_through_that_prior() -> None:
    _, model = family_and_model("gaussian", latent_dim=2)
    facts = {"latent_dim": 2, "data_dim": 3, "data_mean": torch.zeros(3), "data_std": 1.0}
    model.prior = make(node("model/prior/mixture_of_gaussians", num_components=1), facts)
    with torch.no_grad():
        model.prior.mu.copy_(torch.tensor([[5.0, -3.0]]))
        model.prior.raw_log_sigma.fill_(0.0)
    family = make(node("posterior/gaussian"), facts)
    strategy = Known(model, family, lambda x: torch.cat((x[:, :2] * torch.tensor([1.0, 2.0]), 0 * x[:, :2]), 1))
    drawn = Traversal.of(strategy, dataset(torch.randn(50, 3)), 2)
    assert drawn.latent.tolist() == [1, 0]
    expected = torch.linspace(-2.5, 2.5, 9) + torch.tensor([[-3.0], [5.0]])
    torch.testing.assert_close(drawn.value, expected, atol=0.3, rtol=0)


@pytest.mark.parametrize(
    ("block", "d", "expected"),
    [
        ([0.2, 0.3, 0.5], 0, [[0.0, 0.375, 0.625], [0.5, 0.1875, 0.3125], [1.0, 0.0, 0.0]]),
        ([0.0, 1.0, 0.0], 1, [[0.5, 0.0, 0.5], [0.25, 0.5, 0.25], [0.0, 1.0, 0.0]]),
    ],
)
def test_the_rest_of_a_one_hot_block_keeps_its_proportions(
    block: list[float], d: int, expected: list[list[float]]
) -> None:
    other = [0.1, 0.1, 0.8]
    values = torch.tensor([0.0, 0.5, 1.0])
    first: Tensor = walk(torch.tensor(block + other), d, values, 3)
    torch.testing.assert_close(first, torch.tensor([row + other for row in expected]))
    second = walk(torch.tensor(other + block), 3 + d, values, 3)
    torch.testing.assert_close(second, torch.tensor([other + row for row in expected]))
