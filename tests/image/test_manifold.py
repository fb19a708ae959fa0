"""The plane of z, tile by tile."""

import pytest
import torch

from tests.image.known import MU, Known, W, problem
from tests.problems import family_and_model
from vaerun.image.manifold import Manifold
from vaerun.image.style import ImageStyle

pytestmark = pytest.mark.usefixtures("exact")


def test_every_tile_has_the_same_probability_and_the_axes_are_those_of_a_plot() -> None:
    strategy, _ = problem(used=2)
    assert Manifold.exists(strategy)
    drawn = Manifold.of(strategy)
    u = torch.special.ndtr(drawn.z)
    even = (torch.arange(20) + 0.5) / 20
    torch.testing.assert_close(u[..., 0], even.expand(20, 20))
    torch.testing.assert_close(u[..., 1], even.flip(0).unsqueeze(1).expand(20, 20))
    torch.testing.assert_close(drawn.mean, drawn.z @ W[:, :2].T + MU)
    picture = drawn.image(ImageStyle((2, 2), -10.0, 10.0))
    assert picture.shape == (20 * 29 + 1, 20 * 29 + 1)
    row = picture[5, 1::29][:20].astype(int)  # x_0 = z_1 + ½
    column = picture[1::29, 20][:20].astype(int)  # x_1 = 2 z_2 − 1
    assert (row[1:] >= row[:-1]).all()
    assert row[0] < row[-1]
    assert (column[1:] <= column[:-1]).all()
    assert column[0] > column[-1]


def test_there_is_one_in_the_real_plane_alone() -> None:
    assert not Manifold.exists(problem(used=3)[0])
    family, model = family_and_model("bernoulli", latent_dim=2)
    assert not Manifold.exists(Known(model, family, lambda x: x))
