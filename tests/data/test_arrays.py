import re

import numpy as np
import pytest
import torch

from tests.composition import composed
from vaerun.config import hydra
from vaerun.config.check import check
from vaerun.data.arrays import Arrays
from vaerun.data.split import Redrawn, Scaled
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
        UserError,
        match=r"data\.scale must .* from 0 to 15, .*: use data\.scale=1 to .* data\.scale=0\.06666666666666667 for",
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
        check(*composed(["data=arrays", "data.path=absent.npz", f"data.scale={value}"]), [hydra.own_directory()])


REMEDY = re.compile(r"(data\.\w+)=([\w.\-]+)")


@pytest.mark.parametrize(
    "array",
    [
        np.arange(90).reshape(30, 3) % 128,
        np.arange(90).reshape(30, 3) + 166,
        np.arange(90).reshape(30, 3) + 167,
        np.arange(90, dtype=np.uint8).reshape(30, 3) + 100,
        np.arange(90, dtype=np.int16).reshape(30, 3) - 40,
        np.arange(270).reshape(30, 3, 3) % 256,
        np.arange(270).reshape(30, 3, 3) * 200,
        np.arange(30 * 27, dtype=np.uint8).reshape(30, 3, 3, 3),
        np.arange(30 * 75, dtype=np.uint8).reshape(30, 5, 5, 3 * 1),
    ],
)
def test_whole_numbers_and_layouts_are_asked_for_and_every_remedy_works(save, array):
    path = save(x=array)
    words: dict[str, str] = {}
    for _ in range(3):
        try:
            dataset = Arrays(path=path, **words).load()
            break
        except UserError as error:
            offers = dict(REMEDY.findall(str(error).partition(": use ")[2]))
            words |= {key.removeprefix("data."): float(v) if "scale" in key else v for key, v in offers.items()}
    else:
        pytest.fail(f"no remedy works for {words}")
    assert dataset.values
    assert array.dtype == np.uint8 or "scale" in words


def test_the_largest_value_never_decides_what_is_done(save):
    """Of whole numbers that are not uint8 images: with every maximum, the user says what they are."""
    for largest in (2, 127, 128, 255, 256, 70_000):
        with pytest.raises(UserError, match=rf"^data\.scale must be given for whole numbers from 0 to {largest},"):
            Arrays(path=save(x=np.arange(40).reshape(20, 2) * largest // 39)).load()


def test_dark_uint8_images_are_not_divided_unasked(save):
    with pytest.raises(UserError, match=r"data\.scale must be given for whole numbers from 0 to 127.*0\.0039"):
        Arrays(path=save(x=IMAGES // 2)).load()
    assert Arrays(path=save(x=IMAGES // 2), scale=1 / 255).load().values == "divided by 255"


@pytest.mark.parametrize(
    ("array", "words", "said"),
    [
        (IMAGES, {}, "divided by 255"),
        (IMAGES, {"scale": 1.0}, "as they are"),
        (IMAGES, {"scale": 0.5}, "divided by 2"),
        (IMAGES, {"binarize": "threshold"}, "divided by 255; values above 1/2 set to 1, the others to 0 "),
        (IMAGES > 99, {}, "bool stored as uint8"),
        (IMAGES > 99, {"binarize": "static"}, "bool stored as uint8"),
        (VECTORS, {}, "float64 rounded to float32"),
        (VECTORS.astype("f4"), {}, "as they are"),
        (VECTORS.astype("f4"), {"scale": 3.0}, "multiplied by 3"),
        (VECTORS.astype("f4"), {"scale": 1e-6}, "multiplied by 1e-06"),
    ],
)
def test_what_is_done_is_said(save, array, words, said):
    values = Arrays(path=save(x=array), **words).load().values
    assert said in values
    assert ("; " in values) == ("; " in said)


def test_held_out_points_that_occur_in_train_are_a_warning_not_a_change_of_values(save):
    data = Arrays(path=save(x=np.repeat(VECTORS.astype("f4"), 3, axis=0))).load()
    assert data.values == "as they are"
    assert [("valid points also" in said, "test points also" in said) for said in data.warnings] == [
        (True, False),
        (False, True),
    ]
    assert Arrays(path=save(x=VECTORS.astype("f4"))).load().warnings == ()


def test_channels_first_and_last_are_the_same_images(save):
    images = np.random.default_rng(0).integers(0, 256, (20, 5, 7, 3), dtype=np.uint8)
    last = Arrays(path=save(x=images)).load()
    first = Arrays(path=save(x=np.moveaxis(images, -1, 1))).load()
    assert last.shape == first.shape == (5, 7, 3)
    assert last.sha256 == first.sha256
    assert "channels first, moved" in first.values
    grey = Arrays(path=save(x=images[:, None, :, :, 0])).load()
    assert grey.shape == (5, 7)
    assert grey.sha256 == Arrays(path=save(x=images[..., 0])).load().sha256


def test_a_layout_is_asked_for_where_both_axes_could_be_channels_or_none(save):
    for shape in ((20, 3, 8, 3), (20, 1, 8, 1), (20, 5, 8, 6), (20, 1, 8, 4)):
        with pytest.raises(
            UserError, match=r"^data\.layout must be given for images of the shape .*=channels_first for"
        ):
            Arrays(path=save(x=np.ones(shape, np.float32))).load()
    path = save(x=np.arange(20 * 72, dtype=np.float32).reshape(20, 3, 8, 3))
    assert Arrays(path=path, layout="channels_first").load().shape == (8, 3, 3)
    assert Arrays(path=path, layout="channels_last").load().shape == (3, 8, 3)
    with pytest.raises(UserError, match=r"data\.layout is for images of three axes.*leave data\.layout out"):
        Arrays(path=save(x=VECTORS), layout="channels_last").load()
    with pytest.raises(UserError, match="Did you mean 'channels_first'"):
        Arrays(path=path, layout="channel_first")


def test_a_scale_that_loses_the_values_in_float32_is_refused(save):
    for scale in (1e300, 1e38, 1e-300):
        with pytest.raises(UserError, match=r"must be finite and differ in float32, got data\.scale="):
            Arrays(path=save(x=VECTORS * 100), scale=scale).load()


def test_one_training_point_is_too_few(save):
    with pytest.raises(UserError, match=r"train must hold at least 2 points, got 1"):
        Arrays(path=save(train=VECTORS[:1], valid=VECTORS[1:2], test=VECTORS[2:3])).load()


def test_a_path_that_no_user_has_is_a_sentence():
    with pytest.raises(UserError, match=r"data\.path=~nobody-here/x\.npy begins with a user that does not exist"):
        Arrays(path="~nobody-here/x.npy")
    for path in ("a\0b", "a\nb", "\udcff.npy", "\x1b[31m.npy"):
        with pytest.raises(UserError, match="must be a path in UTF-8 without control characters") as refused:
            Arrays(path=path)
        assert str(refused.value).isprintable()


def keras(save, **more: np.ndarray) -> str:
    """As Keras' mnist.npz, with the label n of image n."""
    y = np.arange(40)
    return save(x_train=IMAGES[:30], y_train=y[:30] % 10, x_test=IMAGES[30:], y_test=y[30:] % 10, **more)


def test_named_arrays_are_splits_and_valid_is_taken_from_train(save):
    source = Arrays(path=keras(save), train="x_train", test="x_test", label="y_train")
    data = source.load()
    assert [len(split) for split in (data.train, data.valid, data.test)] == [27, 3, 10]
    assert data.labels == tuple("0123456789")
    for split in (data.train, data.valid, data.test):
        rows = split.source_rows
        assert torch.equal(split.x, torch.from_numpy(IMAGES.reshape(40, -1))[rows])
        assert split.labels.tolist() == (rows % 10).tolist()
    assert data.test.source_rows.tolist() == list(range(30, 40))
    assert source.unused() == ("data.test_fraction",)
    alone = Arrays(path=keras(save), key="x_train").load()
    assert [len(split) for split in (alone.train, alone.valid, alone.test)] == [24, 3, 3]


def test_points_without_labels_are_of_no_known_class(save):
    data = Arrays(path=keras(save), train="x_train", test="x_test", label=["y_train", None]).load()
    assert set(data.test.labels.tolist()) == {-1}
    assert min(data.train.labels.tolist()) >= 0
    assert data.sha256 == Arrays(path=keras(save), train="x_train", test="x_test").load().sha256


def test_labels_of_an_npy_file_stand_in_a_file_of_their_own(save, tmp_path):
    np.save(tmp_path / "x.npy", VECTORS)
    np.save(tmp_path / "y.npy", np.array(["a", "b", "c"] * 10))
    data = Arrays(path=str(tmp_path / "x.npy"), label_path=str(tmp_path / "y.npy")).load()
    assert data.labels == ("a", "b", "c")
    assert data.train.labels.tolist() == (data.train.source_rows % 3).tolist()
    np.save(tmp_path / "y.npy", np.arange(29))
    with pytest.raises(UserError, match=r"labels in .*y\.npy must be one .* each of 30 points, got the shape \[29\]"):
        Arrays(path=str(tmp_path / "x.npy"), label_path=str(tmp_path / "y.npy")).load()
    with pytest.raises(UserError, match=r"data\.key=x names an array of an npz file, and .*x\.npy is none: leave out"):
        Arrays(path=str(tmp_path / "x.npy"), key="x").load()
    with pytest.raises(UserError, match=r"data\.label names an array of an npz file.*data\.label_path=FILE"):
        Arrays(path=str(tmp_path / "x.npy"), label="y").load()
    with pytest.raises(UserError, match=r"data\.label=y and data\.label_path=.* both give labels"):
        Arrays(path=keras(save), label="y", label_path=str(tmp_path / "y.npy"))
    with pytest.raises(UserError, match=r"data\.label_path=.* is for one array of points, .*mnist|holds splits"):
        Arrays(path=keras(save), train="x_train", test="x_test", label_path=str(tmp_path / "y.npy")).load()


def test_too_few_training_points_for_a_valid_split(save):
    with pytest.raises(UserError, match=r"holds 9 points at data\.valid_fraction=0\.1"):
        Arrays(path=save(a=VECTORS[:9], b=VECTORS[9:]), train="a", test="b").load()
