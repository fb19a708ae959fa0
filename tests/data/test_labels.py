import numpy as np
import pytest
import torch

from vaerun.data.labels import Labelled, classes_of, classes_of_parts, plain_label
from vaerun.errors import UserError


@pytest.mark.parametrize(
    ("labels", "numbers", "names"),
    [
        ([7, 3, 7, -1], [1, 0, 1, -1], ("3", "7")),
        ([10, 9], [1, 0], ("9", "10")),  # in the order of numbers, not of texts
        (np.array([[2], [1]], np.uint8), [1, 0], ("1", "2")),
        (torch.tensor([True, False]), [1, 0], ("0", "1")),
        (["dog", "", "cat", None], [1, -1, 0, -1], ("cat", "dog")),
        (np.array([b"b", b"\xff"]), [1, 0], ("\\xff", "b")),
        ([None, 4], [-1, 0], ("4",)),
        (np.array([2, 0], np.uint64), [1, 0], ("0", "2")),
        (["a\nb\x1b"], [0], ("a\\nb\\x1b",)),
    ],
)
def test_the_class_is_the_place_of_the_label_in_their_order(labels, numbers, names):
    found = classes_of("labels", labels, len(labels))
    assert (found.numbers.tolist(), found.names) == (numbers, names)


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([0.5, 1.0, 2.0], "labels must be whole numbers or texts, got floats"),
        ([1, "a", 2], "got a mixture"),
        ([[1], [1, 2], [3]], "got a mixture"),
        (
            np.eye(3, dtype=int),
            r"for each of 3 points, got the shape \[3, 3\].*such as y\.argmax\(1\)",
        ),
        ([1, 2], r"for each of 3 points, got the shape \[2\]"),
        (np.array(3), r"got the shape \[\]"),
    ],
)
def test_what_is_no_class_of_each_point_is_refused(labels, reason):
    with pytest.raises(UserError, match=reason):
        classes_of("labels", labels, 3)


def test_an_identifier_is_no_class():
    with pytest.raises(UserError, match="at most 10,000 classes, got 10,001"):
        classes_of("labels", np.arange(10_001), 10_001)


def test_the_classes_of_several_arrays_are_the_same():
    found = classes_of_parts([Labelled("y", [5, 6], 2), Labelled("y", None, 1), Labelled("y", [6, 9], 2)])
    assert (found.numbers.tolist(), found.names) == ([0, 1, -1, 1, 2], ("5", "6", "9"))
    with pytest.raises(UserError, match="got both"):
        classes_of_parts([Labelled("y", [5], 1), Labelled("y", ["a"], 1)])


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (3, 3), (np.int8(3), 3), (torch.tensor(3), 3), (torch.tensor([3]), 3), (np.array([[3]]), 3), (True, 1),
        ("a", "a"), (np.str_("a"), "a"), (0.5, None), (torch.tensor(0.5), None), (torch.tensor([1, 2]), None),
        (None, None), ({"box": 1}, None), (torch.eye(2).to_sparse(), None),
    ],
)  # fmt: skip
def test_a_single_label(value, label):
    assert plain_label(value) == label


@pytest.mark.parametrize("kind", ["u1", "i2", "u8"])
def test_whole_numbers_of_any_type_are_the_same_classes(kind):
    parts = [Labelled("a", np.array([5, 7], kind), 2), Labelled("b", None, 1), Labelled("c", np.array([7, -1]), 2)]
    found = classes_of_parts(parts)
    assert (found.numbers.tolist(), found.names) == ([0, 1, -1, 1, -1], ("5", "7"))


def test_a_column_of_a_data_frame_holds_labels():
    pandas = pytest.importorskip("pandas")
    found = classes_of("labels", pandas.Series(["b", "a", None, "b"], index=[7, 7, 8, 9]), 4)
    assert (found.numbers.tolist(), found.names) == ([1, 0, -1, 1], ("a", "b"))


def test_masked_labels_are_refused():
    labels = np.ma.masked_equal([0, 9, 1], 9)
    with pytest.raises(UserError, match=r"1 of its values are: give labels\.filled\(-1\)"):
        classes_of("labels", labels, 3)
    assert classes_of("labels", labels.filled(-1), 3).numbers.tolist() == [0, -1, 1]
