import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vaerun.data.tidy import tidy
from vaerun.errors import UserError

PATH = Path("a.npz")


@pytest.mark.parametrize(
    ("shape", "point"),
    [((5, 7), (7,)), ((5, 2, 3), (2, 3)), ((5, 2, 3, 3), (2, 3, 3)), ((5, 2, 3, 1), (2, 3))],
)
def test_points_become_rows_in_c_order(shape, point):
    array = np.asfortranarray(np.arange(np.prod(shape), dtype=np.uint8).reshape(shape))
    tidied = tidy({"x": array}, PATH, layout="channels_last" if array.ndim == 4 else None)
    rows = tidied.rows
    assert tidied.shape == point
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
    rows = tidy({"x": array}, PATH).rows
    assert rows["x"].dtype == dtype
    np.testing.assert_array_equal(rows["x"].numpy(), array.astype(float))


def test_the_callers_array_is_not_shared():
    array = np.zeros((3, 2), np.float32)
    tidy({"x": array}, PATH).rows["x"][0, 0] = 1
    assert array[0, 0] == 0


def test_splits_share_one_type():
    rows = tidy({"train": np.full((3, 2), 7), "test": np.full((3, 2), 700)}, PATH).rows
    assert {x.dtype for x in rows.values()} == {torch.float32}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_the_first_row_that_is_not_finite_is_named(value):
    array = np.zeros((6, 2, 2))
    array[3, 1, 0] = array[5, 0, 0] = value
    place = rf"got {re.escape(str(value))} in row 3, column 2 \(from 0\), the first of 2 such rows"
    with pytest.raises(UserError, match=rf"^every value of the array 'x' of a\.npz must be finite in float32, {place}"):
        tidy({"x": array}, PATH)


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((3, 2), complex), "must hold real numbers, got complex numbers"),
        (np.full((3, 2), "a"), "got text"),
        (np.full((3, 2), None), "got Python objects"),
        (np.zeros((3, 2), "datetime64[s]"), "got datetime64"),
        (np.zeros(3, [("a", "f4")]), "got records"),
        (np.float64(3.0), "must hold vectors .*, got a single number"),
        (np.zeros(3), "got one axis, as labels"),
        (np.zeros((2, 2, 2, 2, 2)), "got 5 axes"),
        (np.full((3, 2), 2**24 + 1), "must hold whole numbers between -16,777,216 and 16,777,216"),
        (np.full((3, 2), 2**63 + 1, np.uint64), "got 9,223,372,036,854,775,809 to"),
        (np.full((3, 2), -(2**63)), "got -9,223,372,036,854,775,808 to"),
        (np.zeros((0, 4)), r"must hold at least one point of one value, got the shape \(0, 4\)"),
        (np.zeros((4, 0)), "must hold at least one point"),
    ],
)
def test_what_is_no_array_of_points_is_one_sentence(array, reason):
    with pytest.raises(UserError, match=rf"^the array 'x' of a\.npz must hold .*{reason.removeprefix('must hold ')}"):
        tidy({"x": np.asarray(array)}, PATH)


def test_splits_that_differ_are_refused():
    with pytest.raises(
        UserError,
        match=r"splits of a\.npz must hold points of one shape, got \(2,\) in 'train' and \(3,\) in 'test'",
    ):
        tidy({"train": np.zeros((3, 2)), "test": np.zeros((3, 3))}, PATH)
    with pytest.raises(
        UserError,
        match=r"must be whole numbers or all must be floats, got uint8 in 'train' and float64 in 'test'",
    ):
        tidy({"train": np.zeros((3, 2), np.uint8), "test": np.zeros((3, 2))}, PATH)


@pytest.mark.parametrize(
    "times",
    [1.7e9 + np.arange(6.0), 1e-60 * np.arange(6.0), 1e-40 * np.arange(6.0), np.float64(2**40) + np.arange(6.0)],
)
def test_a_column_whose_differences_are_lost_in_float32_is_refused(times):
    array = np.stack([np.linspace(0, 1, 6), times], axis=1)
    with pytest.raises(UserError, match=r"must still differ in float32, but in column 1 \(from 0\)"):
        tidy({"x": array}, PATH)
    array[:, 1] = (times - times.mean()) / times.std()
    assert len(np.unique(tidy({"x": array}, PATH).rows["x"][:, 1])) == 6
    tidy({"x": np.full((6, 2), 0.1) + np.arange(6)[:, None]}, PATH)  # rounding alone is no loss


def test_what_is_done_to_the_type_is_said():
    assert tidy({"x": np.eye(3)}, PATH).said == ["float64 rounded to float32"]
    assert tidy({"x": np.eye(3, dtype=np.int16)}, PATH).said == ["int16 stored as uint8"]
    assert tidy({"x": np.eye(3, dtype=">f4")}, PATH).said == []
    assert tidy({"x": np.eye(3, dtype=np.uint8)}, PATH).said == []


@pytest.mark.parametrize("marker", ["nan", math.nan, -1])
def test_missing_values_are_nan_and_the_others_as_they_were(marker: Any) -> None:
    x = np.array([[1.0, -1.0, 3.0], [4.0, 5.0, -1.0]])
    array = x.astype(int) if marker == -1 else np.where(x == -1, np.nan, x)
    tidied = tidy({"x": array}, Path("file"), missing=marker)
    rows = tidied.rows["x"]
    assert rows.dtype == torch.float32
    assert rows.isnan().tolist() == [[False, True, False], [False, False, True]]
    assert rows.nan_to_num(-1.0).tolist() == x.tolist()


def test_infinity_is_never_missing() -> None:
    with pytest.raises(UserError, match="remove or correct them"):
        tidy({"x": np.array([[1.0, np.inf], [np.nan, 0.0]])}, Path("file"), missing="nan")


def test_a_file_of_missing_values_is_refused() -> None:
    with pytest.raises(UserError, match=r"marks all as missing"):
        tidy({"x": np.full((2, 2), 9)}, Path("file"), missing=9)
