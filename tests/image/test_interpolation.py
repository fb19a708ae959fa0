"""From one point to another through z: straight in z, and straight in x where the model is linear."""

import numpy as np
import pytest
import torch

from tests.image.known import MU, Known, W, mean_of_q, problem, tile
from tests.problems import dataset, family_and_model
from vaerun.image.interpolation import Interpolation, apart
from vaerun.image.style import ImageStyle

pytestmark = pytest.mark.usefixtures("exact")


def test_the_way_is_straight_from_one_posterior_mean_to_the_other() -> None:
    strategy, data = problem()
    index = torch.tensor([[3, 17], [5, 5]])
    drawn = Interpolation.of(strategy, data, index)
    x, y = data.valid.x[[3, 5]], data.valid.x[[17, 5]]
    torch.testing.assert_close(drawn.x, torch.stack((x, y), 1))
    assert drawn.t.tolist() == [s / 8 for s in range(9)]
    for s, t in enumerate(drawn.t):
        torch.testing.assert_close(drawn.z[:, s], mean_of_q((1 - t) * x + t * y))
    torch.testing.assert_close(drawn.mean, drawn.z @ W.T + MU)


def test_the_true_points_stand_at_the_ends_of_the_row() -> None:
    strategy, data = problem()
    drawn = Interpolation.of(strategy, data, torch.tensor([[3, 17], [8, 0]]))
    picture = drawn.image(ImageStyle((2, 2), -10.0, 10.0))
    for row in range(2):
        shown = [drawn.x[row, 0], *drawn.mean[row], drawn.x[row, 1]]
        assert picture.shape == (2 * 29 + 1, len(shown) * 29 + 1)
        for column, x in enumerate(shown):
            expected = np.rint(255 * (x.numpy().reshape(2, 2) + 10) / 20)
            np.testing.assert_array_equal(tile(picture, row, column), expected)


@pytest.mark.parametrize(("points", "asked", "rows"), [(100, 8, 8), (16, 8, 8), (15, 8, 7), (2, 8, 1)])
def test_the_two_of_a_pair_lie_half_a_split_apart_and_no_point_comes_twice(points: int, asked: int, rows: int) -> None:
    _, data = problem(points)
    pairs = apart(data, asked)
    assert pairs.shape == (rows, 2)
    assert len(set(pairs.flatten().tolist())) == 2 * rows
    assert pairs.min() == 0
    assert pairs.max() == points - 1
    assert ((pairs[:, 1] - pairs[:, 0]) / points).tolist() == pytest.approx([0.5] * rows, abs=0.1)


def test_a_single_point_leads_to_itself() -> None:
    strategy, data = problem(1)
    drawn = Interpolation.of(strategy, data, apart(data, 8))
    assert drawn.index.tolist() == [[0, 0]]
    torch.testing.assert_close(drawn.mean, drawn.mean[:, :1].expand_as(drawn.mean))


def test_one_hot_blocks_go_through_probabilities() -> None:
    family, model = family_and_model("categorical", latent_dim=4)
    strategy = Known(model, family, lambda x: 4 * x @ torch.randn(3, 4, generator=torch.Generator().manual_seed(1)))
    drawn = Interpolation.of(strategy, dataset(torch.randn(6, 3)), torch.tensor([[0, 5]]))
    torch.testing.assert_close(drawn.z.unflatten(-1, (2, 2)).sum(-1), torch.ones(1, 9, 2))
    assert drawn.z.min() >= 0
