"""New points: every point of a source as one split, in its order, with values treated as in a training."""

from pathlib import Path

import numpy as np
import pytest
import torch

from vaerun.data.arrays import Arrays
from vaerun.data.base import Dataset
from vaerun.data.digits import Digits
from vaerun.data.split import Redrawn, Scaled, Split, pooled
from vaerun.data.table import Table
from vaerun.errors import UserError


def test_pooled_points_are_in_the_order_of_the_source_with_all_that_is_known() -> None:
    rows = [torch.tensor([4, 0, 3]), torch.tensor([1]), torch.tensor([2])]
    x = torch.arange(10, dtype=torch.uint8).reshape(5, 2)
    splits = [Split(x[own], Scaled(0.5), x[own, :1].float(), own % 2, own) for own in rows]
    whole = pooled(splits)
    assert torch.equal(whole.x, x)
    assert whole.rule == Scaled(0.5)
    assert torch.equal(whole.points(), torch.cat((x * 0.5, x[:, :1].float()), 1))
    assert whole.labels is not None
    assert whole.labels.tolist() == [0, 1, 0, 1, 0]
    mixed = pooled([*splits[:1], Split(x[:1], Scaled(0.5), x[:1, :1].float())])
    assert mixed.labels is None
    assert mixed.source_rows is None
    assert mixed.x.tolist() == [*x[rows[0]].tolist(), *x[:1].tolist()]


def test_points_that_change_at_every_visit_are_stored_once() -> None:
    grey = torch.full((50, 2), 0.5)
    rows = [torch.arange(25), torch.arange(25, 50)]
    splits = [Split(grey[:25], Redrawn(1.0), source_rows=rows[0]), Split(grey[25:].round(), source_rows=rows[1])]
    whole = pooled(splits)
    assert torch.equal(whole.points(), whole.points())
    assert set(whole.x[:25].flatten().tolist()) == {0.0, 1.0}


def test_the_new_points_of_a_source_are_those_of_load_by_default() -> None:
    source = Digits(binarize="threshold")
    new = source.load_new({})
    own = source.load()
    assert torch.equal(new.split("new").points()[:1297], own.train.points())
    assert len(new.split("new")) == 1797
    assert new.sha256 != own.sha256
    assert new.to("cpu").new is not None


def test_a_file_of_new_points_has_the_scale_of_the_training_and_no_split(tmp_path: Path) -> None:
    train, dark = np.arange(48, dtype=np.uint8).reshape(12, 2, 2) * 5, np.full((1, 2, 2), 51, np.uint8)
    np.save(tmp_path / "train.npy", train)
    np.save(tmp_path / "dark.npy", dark)
    np.save(tmp_path / "floats.npy", dark / 255)
    treatment = Arrays(path=str(tmp_path / "train.npy")).load().treatment
    new = Arrays(path=str(tmp_path / "dark.npy")).load_new(treatment)
    torch.testing.assert_close(new.split("new").points(), torch.full((1, 4), 0.2))
    assert (
        Arrays(path=str(tmp_path / "train.npy")).load_new(treatment).split("new").x.tolist()
        == train.reshape(12, 4).tolist()
    ), "in the order of the file"
    with pytest.raises(UserError, match="must hold whole numbers"):
        Arrays(path=str(tmp_path / "floats.npy")).load_new(treatment)
    with pytest.raises(UserError, match=r"data\.scale must be given"):
        Arrays(path=str(tmp_path / "dark.npy")).load_new({})


def test_a_data_set_has_the_split_new_or_the_others() -> None:
    own = Dataset.of(torch.randn(20, 3))
    with pytest.raises(UserError, match=r"give data\.path=FILE"):
        own.split("new")
    new = own.as_new()
    assert len(new.split("new")) == 20
    for name in ("train", "valid", "test"):
        with pytest.raises(UserError, match="use the split new"):
            new.split(name)


def test_a_split_that_does_not_exist_is_refused() -> None:
    own = Dataset.of(torch.randn(20, 3))
    with pytest.raises(UserError, match="a split is one of train, valid, test, new, got validation"):
        own.split("validation")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="Did you mean 'train'"):
        own.split("trian")  # type: ignore[arg-type]


def test_new_points_with_nan_are_not_told_to_set_a_key_that_the_run_fixes(tmp_path: Path) -> None:
    np.save(tmp_path / "new.npy", np.array([[0.0, np.nan], [1.0, 2.0]], dtype=np.float32))
    with pytest.raises(UserError, match=r"rows: remove or correct them\.$"):
        Arrays(path=str(tmp_path / "new.npy")).load_new({})


def test_a_table_without_a_row_is_refused_and_columns_of_empty_cells_are_missing(tmp_path: Path) -> None:
    pandas, pyarrow = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.parquet")
    table = pandas.DataFrame({"a": np.arange(30) / 7, "n": np.arange(30) % 5, "b": np.arange(30) % 2})
    columns = Table(path="t.csv").tabulate(table).columns
    (tmp_path / "none.csv").write_text("a,n,b\n")
    with pytest.raises(UserError, match=r"none\.csv must hold at least one point, .*: add rows\.$"):
        Table(path=str(tmp_path / "none.csv")).load_new({"columns": columns})
    empty = pyarrow.array([None, None], pyarrow.string())
    pyarrow.parquet.write_table(pyarrow.table(dict.fromkeys("anb", empty)), tmp_path / "empty.parquet")
    new = Table(path=str(tmp_path / "empty.parquet")).load_new({"columns": columns})
    assert new.split("new").points().isnan().all()


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ("x", r"the type count of the training data needs numbers, .* holds the text 'x' in row 0 .*: correct it\.$"),
        ("1.5", r"needs whole numbers of at least 0, but the column 'n' holds 1\.5 in row 0 .*: correct it\.$"),
        (str(2**64), r"numbers that are written as texts, such as '18446744073709551616': save it as numbers\.$"),
    ],
)
def test_a_new_table_is_not_told_to_set_a_key_that_the_run_fixes(tmp_path: Path, cell: str, sentence: str) -> None:
    pandas = pytest.importorskip("pandas")
    columns = Table(path="t.csv").tabulate(pandas.DataFrame({"n": np.arange(30) % 5})).columns
    (tmp_path / "new.csv").write_text(f"n\n{cell}\n")
    with pytest.raises(UserError, match=sentence):
        Table(path=str(tmp_path / "new.csv")).load_new({"columns": columns})


@pytest.mark.parametrize("text", ["a;b\n1;2\n", "a;b\n1,5;2,25\n3,1;4,2\n"])
def test_a_new_table_with_another_separator_is_to_be_saved_with_that_of_the_training(tmp_path: Path, text: str) -> None:
    pandas = pytest.importorskip("pandas")
    columns = Table(path="t.csv").tabulate(pandas.DataFrame({"a": np.arange(30) % 5, "b": np.arange(30) % 7})).columns
    (tmp_path / "new.csv").write_text(text)
    with pytest.raises(UserError, match="save it with the separator of the training data") as refused:
        Table(path=str(tmp_path / "new.csv")).load_new({"columns": columns})
    assert "data.separator" not in str(refused.value)
