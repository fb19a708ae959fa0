"""Reconstructions of a linear-Gaussian model are W E_q[z] + μ."""

import numpy as np
import pytest
import torch

from tests.image.known import MU, W, mean_of_q, problem, tile
from vaerun.image.reconstructions import Reconstructions
from vaerun.image.style import ImageStyle

pytestmark = pytest.mark.usefixtures("exact")


def test_a_point_goes_through_the_mean_of_its_posterior() -> None:
    strategy, data = problem(41)
    drawn = Reconstructions.of(strategy, data, 5)
    assert drawn.index.tolist() == [0, 10, 20, 30, 40]
    torch.testing.assert_close(drawn.x, data.valid.x[drawn.index])
    torch.testing.assert_close(drawn.z, mean_of_q(drawn.x))
    torch.testing.assert_close(drawn.mean, drawn.z @ W.T + MU)


def test_there_are_no_more_than_there_are_points() -> None:
    strategy, data = problem(3)
    assert Reconstructions.of(strategy, data, 64).index.tolist() == [0, 1, 2]


def test_in_the_picture_a_point_stands_above_its_reconstruction() -> None:
    strategy, data = problem()
    drawn = Reconstructions.of(strategy, data, 3)
    picture = drawn.image(ImageStyle((2, 2), -10.0, 10.0))
    for i in range(3):
        for row, shown in enumerate((drawn.x, drawn.mean)):
            expected = np.rint(255 * (shown[i].numpy().reshape(2, 2) + 10) / 20)
            np.testing.assert_array_equal(tile(picture, row, i), expected)
