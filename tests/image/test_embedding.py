import numpy as np
import pytest
import torch

from tests.composition import composed
from vaerun.experiment.build import build
from vaerun.experiment.experiment import Experiment
from vaerun.image.embedding import embed
from vaerun.image.style import ImageStyle

SMALL = ("model.latent_dim=3", "model.decoder.hidden=[16]", "amortizer.hidden=[16]", "execution.threads=1")


def built(*words: str) -> Experiment:
    cfg, _ = composed([*SMALL, *words])
    run = build(cfg)
    run.strategy.eval()
    return run


def test_every_point_stands_at_the_mean_of_its_q_with_its_own_image(seeded: None) -> None:
    run = built()
    style = ImageStyle.of(run.data)
    made = embed(run.strategy, run.data, style)
    x = run.data.valid.points()
    with torch.no_grad():
        q = run.strategy.bound.family(run.strategy.infer(x).phi)
    np.testing.assert_allclose(made.points, q.mean().numpy(), rtol=1e-4, atol=1e-6)
    assert made.columns["validation point"].tolist() == list(range(len(x)))
    height, width = made.tile
    columns = made.sprite.shape[1] // width
    assert made.sprite.shape == (-(-len(x) // columns) * height, columns * width)
    for i in (0, columns - 1, columns, len(x) - 1):
        row, column = divmod(i, columns)
        tile = made.sprite[row * height :, column * width :][:height, :width]
        np.testing.assert_array_equal(tile, style.grid(x[i : i + 1], 1)[:-1, :-1])


def test_the_columns_are_the_terms_of_the_elbo_of_each_point(seeded: None) -> None:
    run = built()
    columns = embed(run.strategy, run.data, ImageStyle.of(run.data)).columns
    np.testing.assert_allclose(columns["elbo"], columns["log_likelihood"] - columns["kl"], rtol=1e-5)


def test_vectors_have_no_sprite(seeded: None) -> None:
    run = built("data=linear_gaussian", "model/likelihood=gaussian")
    made = embed(run.strategy, run.data, ImageStyle.of(run.data))
    assert made.sprite is None
    assert made.points.shape == (min(1000, len(run.data.valid)), 3)


@pytest.mark.parametrize(
    "words", [("strategy=joint", "strategy.test_steps=5"), ("posterior=bernoulli", "estimator=score")]
)
def test_other_ways_of_inference_have_points_too(words: tuple[str, ...], seeded: None) -> None:
    run = built(*words)
    made = embed(run.strategy, run.data, ImageStyle.of(run.data))
    assert np.isfinite(made.points).all()
    assert made.points.shape == (200, 3)


def test_the_labels_are_a_column_and_c_is_no_part_of_an_image(seeded: None) -> None:
    run, plain = built("data.condition=y"), built()
    style = ImageStyle.of(run.data)
    made, other = (embed(each.strategy, each.data, style) for each in (run, plain))
    assert next(iter(made.columns)) == "label"
    assert made.columns["label"].tolist() == [str(y) for y in run.data.valid.labels.tolist()]
    np.testing.assert_array_equal(made.sprite, other.sprite)
    assert other.columns["label"].tolist() == made.columns["label"].tolist()
