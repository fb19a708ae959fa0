import re
from pathlib import Path

import numpy as np
import pytest
import torch

from vaerun.data.tidy import tidy
from vaerun.errors import UserError

PATH = Path("a.npz")


@pytest.mark.parametrize(
    ("shape", "point"),
    [((5, 7), (7,)), ((5, 2, 3), (2, 3)), ((5, 2, 3, 3), (2, 3, 3)), ((5, 1, 2, 3), (2, 3)), ((5, 2, 3, 1), (2, 3))],
)
def test_points_become_rows_in_c_order(shape, point):
    array = np.asfortranarray(np.arange(np.prod(shape), dtype=np.uint8).reshape(shape))
    rows, found = tidy({"x": array}, PATH)
    assert found == point
    assert torch.equal(rows["x"], torch.arange(rows["x"].numel(), dtype=torch.uint8).view(5, -1))


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (np.eye(3, dtype=bool), torch.uint8),
        (np.eye(3, dtype=np.int64) * 255, torch.uint8),
        (np.eye(3, dtype=np.int64) * 256, torch.float32),
        (-np.eye(3, dtype=np.int8), torch.float32),
        (np.eye(3, dtype=np.float16), torch.float32),
        (np.eye(3, dtype=">f8"), torch.float32),
        (np.eye(3, dtype=">u2"), torch.uint8),
    ],
)
def test_whole_numbers_up_to_255_are_bytes_and_the_rest_floats(array, dtype):
    rows, _ = tidy({"x": array}, PATH)
    assert rows["x"].dtype == dtype
    np.testing.assert_array_equal(rows["x"].numpy(), array.astype(float))


def test_the_callers_array_is_not_shared():
    array = np.zeros((3, 2), np.float32)
    tidy({"x": array}, PATH)[0]["x"][0, 0] = 1
    assert array[0, 0] == 0


def test_splits_share_one_type():
    rows, _ = tidy({"train": np.full((3, 2), 7), "test": np.full((3, 2), 700)}, PATH)
    assert {x.dtype for x in rows.values()} == {torch.float32}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_the_first_row_that_is_not_finite_is_named(value):
    array = np.zeros((6, 2, 2))
    array[3, 1, 0] = array[5, 0, 0] = value
    place = rf"holds {re.escape(str(value))} at place 2 and is the first of 2 such rows"
    with pytest.raises(UserError, match=rf"^Row 3 \(from 0\) of the array 'x' of a\.npz {place}"):
        tidy({"x": array}, PATH)


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((3, 2), complex), "holds complex numbers"),
        (np.full((3, 2), "a"), "holds text"),
        (np.full((3, 2), None), "holds Python objects"),
        (np.zeros((3, 2), "datetime64[s]"), "holds datetime64"),
        (np.zeros(3, [("a", "f4")]), "holds records"),
        (np.float64(3.0), "is a single number, where vectors"),
        (np.zeros(3), "has one axis only, as labels"),
        (np.zeros((2, 2, 2, 2, 2)), "has 5 axes"),
        (np.zeros((0, 4)), r"is empty \(shape \(0, 4\)\)"),
        (np.zeros((4, 0)), "is empty"),
    ],
)
def test_what_is_no_array_of_points_is_one_sentence(array, reason):
    with pytest.raises(UserError, match=rf"^The array 'x' of a\.npz {reason}"):
        tidy({"x": np.asarray(array)}, PATH)


def test_splits_that_differ_are_refused():
    with pytest.raises(
        UserError, match=r"points of 'test' in a\.npz have the shape \(3,\), but those of 'train' have \(2,\)"
    ):
        tidy({"train": np.zeros((3, 2)), "test": np.zeros((3, 3))}, PATH)
    with pytest.raises(
        UserError, match=r"'test' of a\.npz is float64 and 'train' is uint8, so their scales may differ"
    ):
        tidy({"train": np.zeros((3, 2), np.uint8), "test": np.zeros((3, 2))}, PATH)
