"""Images of every family, what they leave alone, and the colours of points."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.image.known import Known, problem
from tests.problems import dataset, family_and_model, linear_strategy, options, simulated
from vaerun.image.images import Images
from vaerun.image.interpolation import Interpolation, apart
from vaerun.image.prior import PriorSamples
from vaerun.image.reconstructions import Reconstructions
from vaerun.image.style import ImageStyle
from vaerun.image.traversal import Traversal


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("posterior", options("posterior"))
def test_every_family_has_pictures(posterior: str) -> None:
    family, model = family_and_model(posterior, latent_dim=2, data_dim=4)
    spread = torch.randn(4, family.num_parameters)
    strategy = Known(model, family, lambda x: family.initial() + x @ spread)
    data = replace(dataset(torch.randn(30, 4)), shape=(2, 2))
    pictures = Images(strategy, data)
    assert pictures.drawable()
    assert pictures.prior_image(9).shape == (2 * 29 + 1, 8 * 29 + 1)
    assert pictures.reconstruction_image(9).shape == (4 * 29 + 1, 8 * 29 + 1)
    assert pictures.interpolation_image(3).shape == (3 * 29 + 1, 11 * 29 + 1)
    height, width = pictures.traversal_image(2).shape
    assert height in (29 + 1, 2 * 29 + 1)
    assert width == 9 * 29 + 1
    for drawing in (
        PriorSamples.of(strategy, 5),
        Reconstructions.of(strategy, data, 5),
        Interpolation.of(strategy, data, apart(data, 2)),
        Traversal.of(strategy, data, 2),
    ):
        arrays = drawing.arrays(data.shape)
        assert all(np.isfinite(array).all() for array in arrays.values())
        assert arrays["x"].shape[-2:] == arrays["mean"].shape[-2:] == (2, 2)
        assert arrays["z"].shape[-1] == model.latent_dim
        torch.testing.assert_close(torch.tensor(arrays["mean"]).flatten(-2), model.mean(torch.tensor(arrays["z"])))


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("name", options("strategy"))
def test_pictures_leave_every_strategy_as_it_is(name: str) -> None:
    """Drawing during the training of per-point strategies must not move the rows of validation points."""
    x = simulated(7)
    strategy = linear_strategy(name, simulated()).eval()
    data = replace(dataset(x), shape=(2, 3))
    before = {key: value.clone() for key, value in strategy.state_dict().items()}
    spent = strategy.decoder_evaluations, strategy.encoder_evaluations
    pictures = Images(strategy, data)
    for picture in (
        pictures.prior_image(3),
        pictures.reconstruction_image(3),
        pictures.interpolation_image(3),
        pictures.traversal_image(3),
        pictures.manifold_image(),
    ):
        assert picture.dtype == np.uint8
    after = strategy.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert (strategy.decoder_evaluations, strategy.encoder_evaluations) == spent


@pytest.mark.usefixtures("exact")
def test_prior_samples_are_those_of_the_model() -> None:
    strategy, _ = problem(used=2)
    drawn = PriorSamples.of(strategy, 20_000)
    model = strategy.bound.model
    torch.testing.assert_close(drawn.mean, model.mean(drawn.z))
    assert drawn.z.std(0).tolist() == pytest.approx([1, 1], abs=0.03)
    assert (drawn.x - drawn.mean).std(0).tolist() == pytest.approx([0.5] * 4, abs=0.02)


@pytest.mark.parametrize(("n", "rows", "columns"), [(3, 1, 3), (64, 8, 8), (65, 8, 9), (100, 10, 10)])
def test_a_grid_is_no_taller_than_wide(n: int, rows: int, columns: int) -> None:
    strategy, data = problem()
    picture = Images(strategy, replace(data, shape=(2, 2))).prior_image(n)
    assert picture.shape == (rows * 29 + 1, columns * 29 + 1)


def test_black_and_white_are_the_bounds_of_the_data_or_of_the_training_points() -> None:
    x = torch.tensor([[-2.0, 0.0], [5.0, 1.0]])
    data = dataset(x)
    assert ImageStyle.of(data) == ImageStyle((2,), -2.0, 5.0)
    assert ImageStyle.of(dataset(0 * x)) == ImageStyle((2,), 0.0, 1.0)
    assert ImageStyle.of(replace(data, support="unit")) == ImageStyle((2,), 0.0, 1.0)


@pytest.mark.parametrize(
    ("shape", "drawable"),
    [((8, 8), True), ((8, 8, 3), True), ((64,), False), ((8, 8, 4), False), ((3, 4, 8, 8), False)],
)
def test_grey_and_colour_images_can_be_drawn(shape: tuple[int, ...], drawable: bool) -> None:
    assert ImageStyle(shape).drawable() is drawable
