import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, IterableDataset, Subset, TensorDataset

from vaerun.data.map_style import class_names, read_points
from vaerun.errors import UserError

X = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)


class Listed(Dataset):
    """The given items."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, n):
        if isinstance(self.items[n], BaseException):
            raise self.items[n]
        return self.items[n]


@pytest.mark.parametrize(
    "form",
    [
        torch.from_numpy,
        lambda x: torch.from_numpy(x).requires_grad_(),
        lambda x: x,
        lambda x: x.tolist(),
        lambda x: (torch.from_numpy(x),),
        lambda x: (x, 1),
        lambda x: [torch.from_numpy(x), torch.tensor(1)],
        lambda x: (x.tolist(), "one"),
    ],
)
def test_an_item_is_x_or_x_with_a_label(form):
    found = read_points(Listed([form(x) for x in X]), "data.dataset")
    np.testing.assert_array_equal(found.x, X)
    labelled = isinstance(form(X[0]), (tuple, list)) and len(form(X[0])) == 2
    assert (found.labels is not None) == labelled
    assert not found.drawn
    assert not found.extra


def test_data_sets_of_torch_are_read():
    whole = TensorDataset(torch.from_numpy(X), torch.arange(6))
    found = read_points(Subset(whole, [4, 1]), "data.dataset")
    np.testing.assert_array_equal(found.x, X[[4, 1]])
    assert found.labels == [4, 1]


@pytest.mark.parametrize("mode", ["L", "RGB", "1"])
def test_pillow_images_are_arrays_with_channels_last(mode):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).convert(mode)
    found = read_points(Listed([(image, 3)]), "data.dataset")
    np.testing.assert_array_equal(found.x[0], np.asarray(image))
    assert found.x.dtype == (np.bool_ if mode == "1" else np.uint8)


def test_a_list_of_lists_is_one_point():
    assert read_points(Listed([[[1, 2], [3, 4]]]), "data.dataset").x.tolist() == [[[1, 2], [3, 4]]]


def test_a_number_is_a_point_of_one_value():
    assert read_points(Listed([torch.tensor(1.0), torch.tensor(2.0)]), "data.dataset").x.tolist() == [[1.0], [2.0]]


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ([X[0], X[0][:2]], r"one shape and type, got \[3\] of float32 at 0 and \[2\] of float32 at 1: make them equal"),
        ([X[0], X[0].astype("f8")], r"of float32 at 0 and \[3\] of float64 at 1"),
        ([X[0], KeyError("no")], r"item 1 of data\.dataset cannot be read \(KeyError: 'no'\)"),
        ([SystemExit(4)], r"item 0 of data\.dataset cannot be read \(SystemExit: 4\)"),
        ([IndexError()], r"item 0 of data\.dataset cannot be read \(IndexError\)"),
        ([{"x": X[0]}], r"item 0 of data\.dataset must be x or .*, got dict: convert it"),
        (["text"], r"got str"),
        ([X[0] + 1j], r"got ndarray"),
        ([torch.eye(3).to_sparse()], r"got Tensor"),
        ([[[1], [2, 3]]], r"got list"),
        ([Image.new("CMYK", (2, 2))], r"got Image in mode CMYK"),
        ([Image.new("P", (2, 2))], r"got Image in mode P"),
        ([], r"must hold at least one point, got 0"),
    ],
)
def test_an_item_that_is_no_point_is_named(items, reason):
    with pytest.raises(UserError, match=reason):
        read_points(Listed(items), "data.dataset")


def test_a_data_set_without_a_length_is_not_map_style():
    class Endless(IterableDataset):
        def __iter__(self):
            yield X[0]

    with pytest.raises(UserError, match=r"must be a map-style data set.*TypeError"):
        read_points(Endless(), "data.dataset")


def test_points_that_do_not_fit_into_memory_are_refused_before_they_are_read():
    class Huge(Listed):
        def __len__(self):
            return 2**50

    with pytest.raises(UserError, match=r"values need about .* of memory.*: use fewer points"):
        read_points(Huge([X[0]]), "data.dataset")


def test_values_and_labels_that_are_not_what_they_seem_are_told():
    class Drawn(Listed):
        def __getitem__(self, n):
            return torch.rand(3), 0.5

    found = read_points(Drawn([0, 1]), "data.dataset")
    assert (found.drawn, found.extra, found.labels) == (True, True, None)
    assert read_points(Listed([(X[0], 1), X[1]]), "data.dataset").extra
    assert not read_points(Listed([X[0] * np.nan]), "data.dataset").drawn


def test_the_names_of_classes_are_taken_if_they_name_the_labels():
    data = Listed([])
    assert class_names(data, [0]) == ()
    data.classes = ["cat", "dog"]
    assert class_names(data, [1, 0]) == ("cat", "dog")
    assert class_names(data, [2]) == class_names(data, ["cat"]) == class_names(data, None) == ()
