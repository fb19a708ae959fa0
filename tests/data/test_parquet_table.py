"""A Parquet file that is read column by column gives the data that reading it as a whole gives, to the bit."""

import numpy as np
import pytest
import torch

from vaerun.data import mapped, parquet_table, table_file
from vaerun.data.mapped import MappedRows
from vaerun.data.table import Table
from vaerun.errors import UserError

pandas = pytest.importorskip("pandas")
parquet = pytest.importorskip("pyarrow.parquet")
N = 200
RNG = np.random.default_rng(0)


def holes(values, every):
    """The values with None in some rows, and in 50 rows after each other: whole parts have no value."""
    found = np.array(values, dtype=object)
    found[::every] = None
    found[100:150] = None
    return list(found)


TABLE = pandas.DataFrame(
    {
        "name": [f"p{i}" for i in range(N)],
        "real": RNG.normal(size=N),
        "single": RNG.normal(size=N).astype(np.float32),
        "few": pandas.array(holes(RNG.integers(-5, 5, N).tolist(), 7), dtype="Int64"),
        "positive": np.exp(3 * RNG.normal(size=N)),
        "count": RNG.permutation(N) % 9,
        "truth": holes((RNG.permutation(N) % 2 == 0).tolist(), 11),
        "two": RNG.permutation(N) % 2 + 1,
        "city": holes(np.array(["Rome", "Bonn", "Oslo"])[RNG.permutation(N) % 3], 13),
        "size": pandas.Categorical(np.array(["s", "m"])[RNG.permutation(N) % 2], categories=["s", "m", "l"]),
        "time": 1.7e9 + np.arange(N),
        "a.b": RNG.normal(size=N),
        "a": RNG.normal(size=N),
        "class": holes(np.array(["u", "v"])[RNG.permutation(N) % 2], 17),
        "part": np.array(["train", "valid", "test"])[np.arange(N) // 3 % 3],
    }
)
KEYS = {"index": "name", "label": "class", "binary": "two"}
CASES = {
    "all types": KEYS,
    "its own split": {**KEYS, "split": "part"},
    "some columns": {"columns": ["count", "r*"], "real": "count", "standardise": False},
}


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A file of several row groups, read in parts of a few rows."""
    monkeypatch.setattr(parquet_table, "CELLS", 300)
    monkeypatch.setattr(mapped, "BLOCK", 10_000)
    monkeypatch.setattr(mapped, "FEW", 16)
    TABLE.to_parquet(tmp_path / "t.parquet", row_group_size=70)
    return tmp_path / "t.parquet"


@pytest.mark.parametrize("case", CASES)
def test_mapped_is_read_to_the_bit(path, case):
    keys = CASES[case]
    read, by_map = (Table(path=str(path), memory=memory, **keys).load() for memory in ("read", "map"))
    assert isinstance(read.train.x, torch.Tensor)
    assert isinstance(by_map.train.x, MappedRows)
    assert by_map.info() == read.info()
    assert (by_map.sha256, by_map.warnings, by_map.names) == (read.sha256, read.warnings, read.names)
    assert torch.equal(by_map.mean(), read.mean())
    assert by_map.std() == read.std()
    for split in ("train", "valid", "test"):
        one, other = by_map.split(split), read.split(split)
        torch.testing.assert_close(one.points(), other.points(), rtol=0, atol=0, equal_nan=True)
        assert torch.equal(one.source_rows, other.source_rows)
        assert (one.labels is None) == (other.labels is None)
        assert one.labels is None or torch.equal(one.labels, other.labels)


def test_new_points_are_read_to_the_bit(path):
    keys = {**KEYS, "condition": None}
    columns = Table(path=str(path), **keys).load().columns
    read, by_map = (Table(path=str(path), memory=m, **keys).load_new({"columns": columns}) for m in ("read", "map"))
    assert isinstance(by_map.new.x, MappedRows)
    assert by_map.info() == read.info()
    assert (by_map.sha256, by_map.warnings, by_map.missing) == (read.sha256, read.warnings, True)
    assert torch.equal(by_map.new.labels, read.new.labels)


def test_auto_maps_what_takes_more_than_half_of_the_free_memory(path, monkeypatch):
    needed = table_file.BYTES_PER_CELL * TABLE.size
    for free, expected in ((2 * needed, False), (2 * needed - 1, True)):
        monkeypatch.setattr(mapped, "free_memory", lambda free=free: free)
        assert isinstance(Table(path=str(path), **KEYS).load().train.x, MappedRows) == expected


def test_what_is_wrong_is_said_as_when_the_file_is_read(tmp_path):
    path = tmp_path / "t.parquet"
    x = TABLE[["real"]]
    dates = pandas.date_range("2020", periods=N)
    for odd in (["same"] * N, [None] * N, [np.inf, *range(N - 1)], [1e39, *range(N - 1)], dates, TABLE["name"]):
        x.assign(odd=odd).to_parquet(path)
        sentences = []
        for memory in ("read", "map"):
            with pytest.raises(UserError) as caught:
                Table(path=str(path), memory=memory).load()
            sentences.append(str(caught.value))
        assert sentences[0] == sentences[1]
        assert "'odd'" in sentences[0]
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"t\.parquet cannot be used"):
        Table(path=str(path), memory="map").load()


def test_a_text_file_is_not_mapped_and_the_remedy_is_parquet(tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    TABLE.to_csv(path, index=False)
    with pytest.raises(UserError, match=r"data\.memory=map needs a Parquet file, but .* write it as Parquet"):
        Table(path=str(path), memory="map").load()
    monkeypatch.setattr(table_file, "free_memory", lambda: 10)
    with pytest.raises(UserError, match=r"text file, but its values need about .*, and 10 .* are free: write it as Pa"):
        Table(path=str(path)).load()
    with pytest.raises(UserError, match=r"data\.memory must be one of auto, read, map, got 'disk'"):
        Table(path=str(path), memory="disk")
    with pytest.raises(UserError, match=r"data\.dequantise and data\.hide change them: use data\.memory=read"):
        Table(path=str(path), memory="map", dequantise=True)
