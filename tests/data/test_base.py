import math

import numpy as np
import pytest
import torch

from vaerun.data import split as split_module
from vaerun.data.base import Dataset
from vaerun.data.digits import Digits
from vaerun.data.given import numbers
from vaerun.data.split import Redrawn, Scaled, Split, fingerprint
from vaerun.errors import UserError


def test_a_visit_scales_and_widens_but_the_stored_rows_stay_bytes():
    split = Split(torch.tensor([[0, 128, 255]], dtype=torch.uint8), Scaled(1 / 255))
    x = split.points()
    assert x.dtype == torch.float32
    assert split.x.dtype == torch.uint8
    assert x.tolist() == [[0.0, pytest.approx(128 / 255), 1.0]]


def test_redrawn_never_misses_at_the_ends_and_has_mean_p():
    p = torch.tensor([0, 64, 255], dtype=torch.uint8).expand(20_000, 3)
    torch.manual_seed(0)
    x = Split(p, Redrawn(1 / 255)).points()
    assert set(x.unique().tolist()) == {0.0, 1.0}
    assert x[:, 0].sum() == 0
    assert x[:, 2].sum() == len(x)
    assert abs(x[:, 1].mean().item() - 64 / 255) < 4 * math.sqrt(0.25 * 0.75 / 20_000)


def test_mean_and_pooled_std_of_scaled_rows(monkeypatch):
    monkeypatch.setattr(split_module, "CHUNK", 7)
    x = torch.randint(0, 256, (50, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    split = Split(x, Scaled(0.5))
    visited = x.double() * 0.5
    expected = (visited - visited.mean(0)).square().mean().sqrt().item()
    assert torch.allclose(split.mean(), visited.mean(0).float())
    assert split.mean().dtype == torch.float32
    assert split.std() == pytest.approx(expected, rel=1e-9)


def test_pooled_std_does_not_see_the_distance_between_coordinates():
    split = Split(torch.tensor([[-1.0, 999.0], [1.0, 1001.0]]))
    assert split.std() == pytest.approx(1.0)


def test_mean_and_std_of_redrawn_rows_are_those_of_bernoulli_values():
    split = Split(torch.full((10, 2), 51, dtype=torch.uint8), Redrawn(1 / 255))
    assert split.mean().tolist() == pytest.approx([0.2, 0.2])
    assert split.std() == pytest.approx(math.sqrt(0.2 * 0.8))


def test_the_fingerprint_sees_value_order_shape_type_and_rule():
    x = torch.tensor([[1, 2], [3, 4]], dtype=torch.uint8)
    splits = [
        Split(x),
        Split(x.flip(0)),
        Split(x.reshape(1, 4)),
        Split(x.float()),
        Split(x, Scaled(0.5)),
        Split(x, Redrawn(1.0)),
    ]
    assert len({fingerprint(split) for split in splits}) == len(splits)
    assert fingerprint(Split(x.clone())) == fingerprint(Split(x))
    assert fingerprint(splits[0], splits[1]) != fingerprint(splits[1], splits[0])


def test_to_keeps_all_but_the_place():
    dataset = Digits().load()
    moved = dataset.to("meta")
    assert moved.train.x.device.type == moved.valid.x.device.type == moved.test.x.device.type == "meta"
    assert (moved.sha256, moved.shape, moved.train.rule) == (dataset.sha256, dataset.shape, dataset.train.rule)
    assert moved.data_dim == 64


def test_an_array_is_a_data_set_as_its_tensor_is():
    x = np.random.default_rng(0).random((50, 4), dtype=np.float32)
    assert Dataset.of(x[::-1]).sha256 == Dataset.of(torch.tensor(x[::-1].copy())).sha256
    for given in (np.zeros((0, 4)), torch.zeros(3, 0), None, [[1, 2], [3]]):
        with pytest.raises(UserError, match="x must"):
            Dataset.of(given)


@pytest.mark.parametrize(
    ("x", "sentence"),
    [
        (torch.tensor(3.0), "x must hold at least one point"),
        (torch.eye(4, dtype=torch.complex64), "x must be a dense tensor of real numbers"),
        (torch.eye(4).to_sparse(), "x must be a dense tensor of real numbers"),
        (np.full((50, 2), 2**63 + 5, np.uint64), r"must be at most 2\*\*53 in size"),
        (torch.arange(100, dtype=torch.int64).reshape(50, 2) + 2**40, "must still differ in float32"),
        (1.7e9 + np.arange(50.0)[:, None], r"those of column 0 \(from 0\) are nearly equal: subtract the mean"),
        (np.arange(50.0)[:, None] * 1e-40, "must still differ in float32"),
        (np.arange(50.0)[:, None] * 1e300, "must be finite in float32"),
        (np.eye(2), "train needs 2, got 2 points"),
    ],
)
def test_points_that_would_be_changed_without_a_word_are_refused(x, sentence):
    with pytest.raises(UserError, match=sentence):
        Dataset.of(x)


@pytest.mark.parametrize("words", [{"valid": "a"}, {"test": None}, {"seed": -1}, {"seed": 1.5}, {"valid": math.nan}])
def test_other_words_of_a_data_set_that_make_no_sense_are_refused(words):
    with pytest.raises(UserError, match="must be"):
        Dataset.of(torch.randn(50, 2), **words)


def test_a_data_set_says_whether_its_values_were_rounded():
    x = torch.randn(50, 2, dtype=torch.float64)
    assert Dataset.of(x).info().values == "float64 rounded to float32"
    assert Dataset.of(x.float()).info().values == "as they are"
    assert Digits().load().info().values.startswith("divided by 16; each drawn once as 0 or 1")


@pytest.mark.parametrize("rows", [np.zeros((3, 2)), torch.zeros(3), torch.zeros(3, 2, 2), None])
def test_a_split_of_something_else_than_rows_is_refused(rows):
    with pytest.raises(UserError, match=r"must be a tensor \[N, X\], got .*: Dataset\.of\(x\) makes splits"):
        Split(rows)


def test_images_with_channels_first_are_turned_and_unclear_ones_are_asked_about():
    images = torch.rand(30, 5, 7, 3)
    last, first = Dataset.of(images), Dataset.of(images.movedim(-1, 1))
    assert last.shape == first.shape == (5, 7, 3)
    assert last.sha256 == first.sha256
    assert "channels first, moved" in first.values
    with pytest.raises(UserError, match=r"^layout must be given .* use layout='channels_last' for"):
        Dataset.of(torch.rand(30, 5, 7, 6))
    assert Dataset.of(torch.rand(30, 5, 7, 6), layout="channels_first").shape == (7, 6, 5)


def test_an_array_of_float32_is_kept_as_it_is():
    x = np.random.default_rng(0).random((20, 3))
    data = Dataset.of(x.astype(np.float32))
    assert data.values == "as they are"
    assert data.train.x.dtype == torch.float32
    assert numbers("x", x.astype(np.float32)).dtype == torch.float32
    assert numbers("x", np.arange(4, dtype=np.uint8)).dtype == torch.float32
    assert Dataset.of(x).values == "float64 rounded to float32"
    assert Dataset.of([[0.0, 1.0]] * 20).values == "as they are"  # lists whose numbers float32 holds


def test_labels_and_names_stay_with_their_points():
    x = torch.arange(20.0)[:, None]
    data = Dataset.of(x, labels=[f"class {n % 3}" for n in range(20)], names=[f"point {n}" for n in range(20)])
    assert data.labels == data.info().labels == ("class 0", "class 1", "class 2")
    for split in (data.train, data.valid, data.test):
        assert split.source_rows.tolist() == split.x[:, 0].int().tolist()
        assert split.labels.tolist() == (split.source_rows % 3).tolist()
    assert data.names[4] == "point 4"
    assert data.sha256 == Dataset.of(x).sha256
    with pytest.raises(UserError, match=r"labels must be one .* each of 20 points"):
        Dataset.of(x, labels=[1])
    for wrong in (["a"], "abc", list(range(20))):
        with pytest.raises(UserError, match="names must be one text for each of the 20 points"):
            Dataset.of(x, names=wrong)


def test_masked_values_are_not_taken_for_values():
    x = np.ma.masked_greater(np.arange(40.0).reshape(20, 2), 30)
    with pytest.raises(UserError, match=r"x must not be masked, but 9 of its values are: give x\.astype") as refused:
        Dataset.of(x)
    remedy = str(refused.value).partition("give ")[2].partition(", in which")[0]
    assert Dataset.of(eval(remedy, {"x": x}), missing=float("nan")).missing
    assert Dataset.of(np.ma.masked_greater(np.eye(20), 2)).data_dim == 20  # none of its values is masked


def test_whole_numbers_without_a_place_in_float32_are_said_to_be_rounded():
    x = torch.arange(40).reshape(20, 2) * 1_000_001 + 2**30
    assert Dataset.of(x).values == "int64 rounded to float32"
    assert Dataset.of(x % 1000).values == "as they are"


def test_a_nested_tensor_is_no_tensor_of_points():
    with pytest.warns(UserWarning, match="prototype"):
        x = torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)])
    with pytest.raises(UserError, match="must be a dense tensor of real numbers, got a nested tensor"):
        Dataset.of(x)


def test_names_that_are_no_texts_are_refused_with_the_texts():
    with pytest.raises(UserError, match=r"of the 20 points, got 0: give \[str\(name\) for name in names\]"):
        Dataset.of(torch.randn(20, 2), names=range(20))
