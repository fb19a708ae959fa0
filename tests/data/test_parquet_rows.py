"""Row groups become the rows of a scratch file."""

import numpy as np
import pytest
import torch

from vaerun.data import parquet_rows as module
from vaerun.data.parquet_rows import parquet_rows
from vaerun.errors import UserError

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

X = np.random.default_rng(0).normal(size=(50, 3))


@pytest.fixture
def path(tmp_path):
    columns = {"a": X[:, 0], "b": X[:, 1].astype(np.float32), "n": np.arange(50), "word": ["w"] * 50}
    parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet", row_group_size=7)
    return tmp_path / "t.parquet"


@pytest.mark.parametrize("size", [4, 1000])
def test_the_columns_come_in_the_order_that_is_asked_for(path, monkeypatch, size):
    monkeypatch.setattr(module, "ROWS", size)
    rows = parquet_rows(path, ["n", "a"])
    expected = np.stack([np.arange(50), X[:, 0]], 1).astype(np.float32)
    assert torch.equal(rows[:], torch.from_numpy(expected))


def test_a_missing_value_is_nan(tmp_path):
    table = pyarrow.table({"a": pyarrow.array([1.0, None, 3.0]), "n": pyarrow.array([None, 2, 3])})
    parquet.write_table(table, tmp_path / "t.parquet")
    assert parquet_rows(tmp_path / "t.parquet", ["a", "n"])[:].isnan().tolist() == [
        [False, True], [True, False], [False, False]
    ]  # fmt: skip


def test_what_is_no_number_is_one_sentence(path, tmp_path):
    with pytest.raises(UserError, match=r"t\.parquet cannot be used, because its column 'word' holds object instead"):
        parquet_rows(path, ["a", "word"])
    with pytest.raises(UserError, match=r"because it has no column 'c' \(its first columns are a, b, n, word\)"):
        parquet_rows(path, ["c"])
    parquet.write_table(pyarrow.table({"a": [0.0, 1e60]}), tmp_path / "large.parquet")
    with pytest.raises(UserError, match=r"holds 1e\+60 in row 1 \(from 0\), which float32 cannot hold"):
        parquet_rows(tmp_path / "large.parquet", ["a"])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"t\.parquet cannot be used"):
        parquet_rows(path, ["a"])
