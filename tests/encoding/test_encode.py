"""The table of z: one row for each point, in the order of the source, with what q says about it."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.evaluation.given import Given, bound_of, gaussian_problem
from tests.problems import node, optimal_phi
from vaerun.data.base import Dataset
from vaerun.data.split import Split
from vaerun.encoding import encode as module
from vaerun.encoding.csv_table import CsvTable
from vaerun.encoding.draws import draws, write_npy
from vaerun.encoding.encode import Part, Places, encode
from vaerun.encoding.h5ad_table import H5adTable
from vaerun.encoding.npz_table import NpzTable
from vaerun.encoding.parquet_table import ParquetTable
from vaerun.encoding.table import table_for
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.posterior.moments import mean_and_std
from vaerun.strategy.base import Inference

TRAINED = ("train", "valid", "test")


class ByPoint(Given):
    """q of every x from the exact posterior, so that a row shows whose it is."""

    def infer(self, x: torch.Tensor, index: torch.Tensor | None = None, split: str = "new") -> Inference:
        assert index is not None
        return Inference(optimal_phi(self.bound.model, x))


@pytest.fixture
def problem(seeded: None) -> tuple[ByPoint, Dataset, torch.Tensor]:
    """A strategy, a data set of eleven points whose splits are mixed, and the points in the order of the source."""
    bound, x, _ = gaussian_problem(orthogonal=True, n=11)
    rows = torch.randperm(11).split([5, 4, 2])
    train, valid, test = (Split(x[own]) for own in rows)
    data = Dataset("mixed", train, valid, test, (3,), "none", "real", "0").annotated(
        rows, labels=torch.arange(11) % 3 - 1, label_names=["cat", "dog"], names=[f"cell {i}" for i in range(11)]
    )
    return ByPoint(bound, torch.empty(0)), data, x


def whole(parts: Any) -> dict[str, np.ndarray]:
    held: list[Part] = list(parts)
    return {name: np.concatenate([part[name] for part in held]) for name in held[0]}


@pytest.mark.parametrize("size", [512, 3])
def test_rows_are_in_the_order_of_the_source_with_names_labels_and_splits(
    problem: tuple[ByPoint, Dataset, torch.Tensor], size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    strategy, data, x = problem
    monkeypatch.setattr(module, "POINTS", size)
    table = whole(encode(strategy, data, Places(data, TRAINED), samples=4))
    assert table["index"].tolist() == list(range(11))
    with torch.no_grad():
        mean, covariance = strategy.bound.model.exact_posterior(x)
        log_p = strategy.bound.model.exact_log_prob(x)
    np.testing.assert_allclose(table["mean"], mean, rtol=1e-5)
    np.testing.assert_allclose(table["scale"], covariance.diagonal().sqrt().expand(11, -1), rtol=1e-5)
    np.testing.assert_allclose(table["elbo"], log_p, rtol=1e-4)
    assert table["elbo_se"].max() < 1e-4, "q is the posterior"
    assert table["samples"].shape == (11, 4, 2)
    assert table["name"].tolist() == [f"cell {i}" for i in range(11)]
    assert table["label"].tolist() == [["", "cat", "dog"][i % 3] for i in range(11)]
    for split, rows in zip(TRAINED, (data.train, data.valid, data.test), strict=True):
        assert (table["split"][rows.source_rows.numpy()] == split).all()


def test_without_rows_of_a_source_the_splits_follow_each_other(problem: tuple[ByPoint, Dataset, torch.Tensor]) -> None:
    strategy, data, _ = problem
    plain = Dataset(
        "plain", *(Split(split.x) for split in (data.train, data.valid, data.test)), (3,), "none", "real", "0"
    )
    table = whole(encode(strategy, plain, Places(plain, TRAINED), num_samples=0))
    assert table["index"].tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3, 0, 1]
    assert list(table) == ["index", "split", "mean", "scale"]
    only = Places(data, ("valid",))
    assert only.row.tolist() == sorted(data.valid.source_rows.tolist())


def test_a_scale_without_a_closed_form_is_that_of_samples(seeded: None) -> None:
    family = make(node("posterior/planar"), {"latent_dim": 2})
    q = family(family.initial().expand(3, -1))
    mean, scale = mean_and_std(q)
    z = q.sample(20_000)
    torch.testing.assert_close(scale, z.std(0), rtol=0.2, atol=0.1)
    torch.testing.assert_close(mean, z.mean(0), rtol=0.2, atol=0.3)


def test_every_format_holds_the_same_table(problem: tuple[ByPoint, Dataset, torch.Tensor], tmp_path: Path) -> None:
    pandas, anndata = pytest.importorskip("pandas"), pytest.importorskip("anndata")
    pytest.importorskip("pyarrow")
    strategy, data, _ = problem
    table = whole(encode(strategy, data, Places(data, TRAINED), samples=2))
    halves = [{name: values[part] for name, values in table.items()} for part in (slice(6), slice(6, 11))]
    for kind in (NpzTable, CsvTable, ParquetTable, H5adTable):
        path = tmp_path / f"z{kind.suffix}"
        with path.open("wb") as file:
            assert isinstance(table_for(path), kind)
            table_for(path).write(file, halves, rows=11, folder=tmp_path)
    with np.load(tmp_path / "z.npz") as read:
        assert {name: read[name].tolist() for name in read} == {name: table[name].tolist() for name in table}
    lines = list(csv.DictReader(io.StringIO((tmp_path / "z.csv").read_text())))
    for frame in (pandas.DataFrame(lines), pandas.read_parquet(tmp_path / "z.parquet")):
        assert frame["name"].tolist() == table["name"].tolist()
        for column, expected in (("mean_1", table["mean"][:, 1]), ("sample_1_0", table["samples"][:, 1, 0])):
            np.testing.assert_array_equal(frame[column].astype(np.float32), expected)
    cells = anndata.read_h5ad(tmp_path / "z.h5ad")
    assert cells.obs_names.tolist() == table["name"].tolist()
    assert cells.obs["label"].tolist() == table["label"].tolist()
    np.testing.assert_array_equal(cells.obsm["X_vaerun"], table["mean"])
    np.testing.assert_array_equal(cells.obsm["X_vaerun_sample_1"], table["samples"][:, 1])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["z.csv", "z.h5ad", "z.npz", "z.parquet"]


def test_a_missing_package_and_an_unknown_suffix_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ParquetTable, "packages", ("no_such_package",))
    with pytest.raises(UserError, match=r"pip install 'vaerun\[table\]'"):
        table_for(Path("z.parquet")).modules()
    with pytest.raises(UserError, match=r"must end in .npz, .csv, .parquet, .h5ad"):
        table_for(Path("z.xlsx"))


def test_the_first_draws_do_not_depend_on_their_number(seeded: None, tmp_path: Path) -> None:
    bound, _, phi = gaussian_problem(orthogonal=True)
    strategy = Given(bound_of(bound.model, bound.family), phi)
    few, many = (whole(draws(strategy, n, seed=3, shape=(3,))) for n in (1000, 2500))
    assert many["x"].shape == (2500, 3)
    for name, values in few.items():
        np.testing.assert_array_equal(values, many[name][:1000])
    assert not np.array_equal(many["z"][:1024], many["z"][1024:2048]), "blocks have seeds of their own"
    assert not np.array_equal(few["z"], whole(draws(strategy, 1000, seed=4, shape=(3,)))["z"])
    with (tmp_path / "x.npy").open("wb") as file:
        write_npy(file, draws(strategy, 2500, seed=3, shape=(3,)), "x", rows=2500)
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), many["x"])
