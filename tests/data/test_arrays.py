import numpy as np
import pytest
import torch

from vaerun.config import hydra
from vaerun.config.check import check
from vaerun.data.arrays import Arrays
from vaerun.data.base import Redrawn, Scaled
from vaerun.errors import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 4, 5), dtype=np.uint8)
VECTORS = np.random.default_rng(1).normal(size=(30, 3))


@pytest.fixture
def save(tmp_path):
    def save(**arrays: np.ndarray) -> str:
        np.savez(tmp_path / "mine.npz", **arrays)
        return str(tmp_path / "mine.npz")

    return save


def test_the_stated_rule_splits_every_row_once(save):
    x = np.arange(40.0)[:, None]
    dataset = Arrays(path=save(x=x), valid_fraction=0.2, test_fraction=0.1).load()
    order = dataset.test.x, dataset.valid.x, dataset.train.x
    assert [len(rows) for rows in order] == [4, 8, 28]
    assert sorted(torch.cat(order).flatten().tolist()) == x.flatten().tolist()


def test_the_split_belongs_to_its_own_seed(save):
    path = save(x=VECTORS)
    torch.manual_seed(1)
    first = Arrays(path=path).load()
    torch.manual_seed(2)
    assert Arrays(path=path).load().sha256 == first.sha256
    assert Arrays(path=path, split_seed=1).load().sha256 != first.sha256
    assert first.test.x.tolist() != torch.from_numpy(VECTORS[:3]).float().tolist()


def test_a_split_in_the_file_is_kept_in_its_order(save):
    dataset = Arrays(path=save(train=IMAGES[:20], valid=IMAGES[20:25], test=IMAGES[25:], labels=np.arange(40))).load()
    for split, rows in ((dataset.train, IMAGES[:20]), (dataset.valid, IMAGES[20:25]), (dataset.test, IMAGES[25:])):
        assert torch.equal(split.x, torch.from_numpy(rows.reshape(len(rows), -1)))
    assert (dataset.name, dataset.shape, dataset.support) == ("mine.npz", (4, 5), "unit")


def test_images_of_bytes_are_held_as_bytes_at_1_over_255(save):
    dataset = Arrays(path=save(x=IMAGES)).load()
    assert dataset.train.x.dtype == torch.uint8
    assert dataset.train.rule == Scaled(1 / 255)
    assert Arrays(path=save(x=IMAGES), binarize="dynamic").load().train.rule == Redrawn(1 / 255)
    assert Arrays(path=save(x=IMAGES), binarize="static").load().support == "binary"


def test_bits_are_not_scaled(save):
    dataset = Arrays(path=save(x=IMAGES > 99)).load()
    assert (dataset.support, dataset.train.rule) == ("binary", Scaled(1.0))


def test_vectors_are_taken_as_they_are(save):
    dataset = Arrays(path=save(x=VECTORS)).load()
    assert (dataset.support, dataset.shape, dataset.train.rule) == ("real", (3,), Scaled(1.0))
    assert dataset.train.x.dtype == torch.float32


def test_a_scale_that_is_given_is_used(save):
    dataset = Arrays(path=save(x=IMAGES), scale=0.5).load()
    assert dataset.train.rule == Scaled(0.5)
    assert dataset.support == "real"


@pytest.mark.parametrize("name", ["mine.npy", "mine-idx3-ubyte.gz"])
def test_npy_and_idx_are_read_too(tmp_path, write_idx, name):
    path = tmp_path / name
    if name.endswith("npy"):
        np.save(path, IMAGES)
    else:
        write_idx(path, IMAGES)
    dataset = Arrays(path=str(path)).load()
    assert (dataset.shape, len(dataset.train), len(dataset.valid), len(dataset.test)) == ((4, 5), 32, 4, 4)


@pytest.mark.parametrize("path", [None, ""])
def test_a_path_is_needed(path):
    with pytest.raises(UserError, match=r"^data\.path must name .* for data=arrays: give data\.path=FILE"):
        Arrays(path=path)


def test_wrongly_scaled_images_are_refused_with_the_scale(save):
    with pytest.raises(UserError, match=r"use data\.scale=0\.00392156862745098, or use"):
        Arrays(path=save(x=IMAGES.astype(np.float32)), binarize="static").load()
    with pytest.raises(UserError, match=r"map the data to \[0, 1\] first, or use data\.binarize=none"):
        Arrays(path=save(x=VECTORS), binarize="static").load()
    assert Arrays(path=save(x=IMAGES.astype(np.float32)), binarize="static", scale=1 / 255).load().support == "binary"


def test_whole_numbers_that_stop_far_below_255_must_be_explained(save):
    path = save(x=IMAGES // 16)
    with pytest.raises(
        UserError, match=r"data\.scale must .* up to 15, .*: use 0\.06666666666666\d+ .* or 1 for counts"
    ):
        Arrays(path=path).load()
    assert Arrays(path=path, scale=1 / 15).load().support == "unit"


def test_too_few_points_to_split(save):
    with pytest.raises(UserError, match=r"train needs 2, but .* holds 9 points at data\.valid_fraction=0\.1"):
        Arrays(path=save(x=VECTORS[:9])).load()
    assert len(Arrays(path=save(x=VECTORS[:10])).load().train) == 8


def test_points_that_are_all_the_same(save):
    with pytest.raises(UserError, match=r"all 16 of mine\.npz are the same"):
        Arrays(path=save(x=np.ones((20, 3)))).load()


def test_a_value_that_is_not_finite_names_its_row(save):
    x = VECTORS.copy()
    x[17, 1] = np.nan
    with pytest.raises(UserError, match=r"'x' of .*mine\.npz must be finite in float32, got nan in row 17, column 1"):
        Arrays(path=save(x=x)).load()


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        ({"scale": 0.0}, r"data\.scale must be > 0, got 0\.0"),
        ({"scale": float("nan")}, r"data\.scale must be > 0, got nan"),
        ({"valid_fraction": 0}, r"data\.valid_fraction must be > 0, got 0"),
        ({"test_fraction": 20}, r"must be below 1, got 0\.1 \+ 20"),
        ({"valid_fraction": 0.5, "test_fraction": 0.5}, r"data\.valid_fraction \+ data\.test_fraction must be below 1"),
        ({"split_seed": -1}, r"data\.split_seed must be a whole number of at least 0, got -1"),
        ({"binarize": "treshold"}, "Did you mean 'threshold'"),
    ],
)
def test_choices_that_cannot_work_stop_before_the_file_is_read(choice, reason):
    with pytest.raises(UserError, match=reason):
        Arrays(path="absent.npz", **choice)


@pytest.mark.parametrize("value", ["1/255", "true"])
def test_a_scale_that_is_not_a_number_is_refused_before_anything_is_built(value):
    with pytest.raises(UserError, match=rf"data\.scale.*{value}.*a number|data\.scale.*a number.*{value}"):
        check(*hydra.compose(["data=arrays", "data.path=absent.npz", f"data.scale={value}"]), [hydra.own_directory()])
