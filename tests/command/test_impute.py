"""``vaerun impute``: files in the order of the source, observed values as they were, and scores of hidden ones."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

import vaerun
from tests.runs import summary, train
from vaerun import cli
from vaerun.data.base import Dataset
from vaerun.errors import UserError
from vaerun.evaluation.imputation import impute

WORDS = ("data=arrays", "trainer.epochs=1", "trainer.batch_size=20", "model/likelihood=gaussian")


def table() -> np.ndarray:
    draws = np.random.default_rng(0)
    x = (draws.normal(size=(80, 2)) @ draws.normal(size=(2, 5))).astype(np.float32)
    x[draws.random(x.shape) < 0.2] = np.nan
    return x


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("impute")
    np.save(place / "x.npy", table())
    train(place / "run", *WORDS, f"data.path={place / 'x.npy'}", "data.missing=nan", "data.hide=0.1")
    return place / "run"


def test_the_files_hold_every_point_in_the_order_of_its_source(run: Path, tmp_path: Path) -> None:
    for name in ("a.npz", "a.csv"):
        assert (
            cli.dispatch(["impute", str(run), "--split", "all", "--samples", "50", "--out", str(tmp_path / name)]) == 0
        )
    found = np.load(tmp_path / "a.npz")
    assert found["index"].tolist() == list(range(80))
    seen, x = ~found["missing"], table()
    assert np.array_equal(found["x"][seen], x[seen])
    assert np.isfinite(found["x"]).all()
    assert ((found["standard_deviation"] > 0) == found["missing"]).all()
    with (tmp_path / "a.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["split"] for row in rows] == found["split"].tolist()
    assert np.allclose([[float(row[f"x{j}"]) for j in range(5)] for row in rows], found["x"], rtol=1e-6)


def test_a_csv_file_has_the_names_and_the_units_of_a_table(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    draws = np.random.default_rng(0)
    rows = [f"w{i},{a:.2f},{'red' if a > 0 else 'blue'}" for i, a in enumerate(draws.normal(size=40))]
    rows[3], rows[5] = "w3,,red", "w5,0.14,"
    (tmp_path / "t.csv").write_text("\n".join(["id,a,colour", *rows]))
    table = ("data=table", f"data.path={tmp_path / 't.csv'}", "data.index=id", "model/likelihood=mixed")
    train(tmp_path / "run", *table, "trainer.epochs=1", "trainer.batch_size=10")
    words = ["impute", str(tmp_path / "run"), "--split", "all", "--samples", "50", "--out", str(tmp_path / "full.csv")]
    assert cli.dispatch(words) == 0
    with (tmp_path / "full.csv").open() as file:
        found = list(csv.DictReader(file))
    assert list(found[0]) == ["index", "name", "split", "effective_samples", "a", "colour", "a_sd", "colour_sd"]
    whole = [",".join((row["name"], f"{float(row['a']):.2f}", row["colour"])) for row in found]
    assert {i for i, row in enumerate(whole) if row != rows[i]} == {3, 5}
    assert found[5]["a"] == "0.14"
    assert found[5]["colour"] in ("red", "blue")
    assert 0 < float(found[5]["colour_sd"]) <= 0.5
    assert float(found[3]["a_sd"]) > 0 == float(found[5]["a_sd"])


def test_only_hidden_values_are_scored(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Values that are missing in the file have no known truth."""
    assert cli.dispatch(["impute", str(run), "--json", "--samples", "20"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert 0 < found["hidden"]["num_values"] < found["missing"]
    assert found["hidden"]["log_score"] is not None
    assert Path(found["file"]) == run / "imputed_test.npz"


def test_a_file_that_exists_is_kept(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.csv").write_text("precious")
    words = ["impute", str(run), "--samples", "20", "--out", str(tmp_path / "mine.csv")]
    assert cli.dispatch(words) == 2
    assert (
        "mine.csv exists already: choose another file with --out, or replace it with --force."
        in capsys.readouterr().err
    )
    assert (tmp_path / "mine.csv").read_text() == "precious"
    assert cli.dispatch([*words, "--force"]) == 0
    assert (tmp_path / "mine.csv").read_text().startswith("index,")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "x.txt"], "--out must name an npz or csv file"),
        (["--split", "tests"], "--split must be train, valid, test, new or all"),
        (["--samples", "1"], "--samples must be a whole number at least 2"),
    ],
)
def test_a_wrong_flag_is_one_sentence(
    run: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.dispatch(["impute", str(run), *words]) == 2
    assert said in capsys.readouterr().err


def test_a_bound_says_that_it_is_of_the_observed_part(run: Path) -> None:
    assert summary(run)["about"]["elbo"]["meaning"] == "lower bound on mean log p(the observed part of x)"
    assert summary(run)["data"]["missing"] is True


def test_points_with_nan_are_inferred_in_python(run: Path) -> None:
    opened = vaerun.load(run)
    x = torch.from_numpy(table()[:3])
    assert opened.infer(x).sample(2).isfinite().all()
    found = opened.impute(x, num_samples=20)
    assert torch.equal(found.x[~x.isnan()], x[~x.isnan()])
    assert found.effective_samples.shape == (3,)


def test_a_run_on_complete_points_refuses_nan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "x.npy", np.nan_to_num(table()))
    train(tmp_path / "run", *WORDS, f"data.path={tmp_path / 'x.npy'}")
    with pytest.raises(UserError, match=r"trained without missing values, got nan: train a run on data with"):
        vaerun.load(tmp_path / "run").infer(table())
    assert cli.dispatch(["impute", str(tmp_path / "run")]) == 2
    assert "there is nothing to impute" in capsys.readouterr().err


@pytest.mark.parametrize("missing", [float("nan"), -9.0])
def test_a_data_set_of_a_tensor_has_missing_values(missing: float) -> None:
    x = torch.from_numpy(table()).nan_to_num(missing)
    data = Dataset.of(x, missing=missing)
    assert data.missing
    assert sum(int(part.x.isnan().sum()) for part in (data.train, data.valid, data.test)) == np.isnan(table()).sum()
    assert data.mean().isfinite().all()
    with pytest.raises(UserError, match="give missing=nan"):
        Dataset.of(table())


def test_a_csv_file_of_a_table_has_the_names_of_its_columns(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    values = np.random.default_rng(0).normal(size=(60, 3))
    pandas.DataFrame(values, columns=["age", "a b", "row"]).to_csv(tmp_path / "t.csv", index=False)
    words = ("data=table", f"data.path={tmp_path / 't.csv'}", "data.hide=0.2", "trainer.epochs=1")
    train(tmp_path / "run", *words, "model/likelihood=mixed", "trainer.batch_size=20")
    out = tmp_path / "out.csv"
    assert cli.dispatch(["impute", str(tmp_path / "run"), "--split", "all", "--samples", "20", "--out", str(out)]) == 0
    head, *lines = list(csv.reader(out.read_text().splitlines()))
    assert head == ["index", "split", "effective_samples", "age", "a b", "row", "age_sd", "a b_sd", "row_sd"]
    seen = np.array([line[6:] for line in lines], dtype=float) == 0
    assert np.allclose(np.array([line[3:6] for line in lines], dtype=float)[seen], values[seen], rtol=1e-5)


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on whole numbers with uniform noise, missing and hidden values."""
    place = tmp_path_factory.mktemp("noisy")
    x = np.round(4 * table())
    x[~np.isnan(x)] += 100
    np.save(place / "x.npy", x)
    np.save(place / "new.npy", x[:7])
    train(
        *(place / "run", *WORDS, f"data.path={place / 'x.npy'}", "data.missing=nan", "data.hide=0.2"),
        *("data.dequantise=true", "data.standardise=true"),
    )
    return place / "run"


def test_what_is_imputed_has_no_noise(noisy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.dispatch(["impute", str(noisy), "--split", "all", "--samples", "50", "--json"]) == 0
    hidden = json.loads(capsys.readouterr().out)["hidden"]
    x, found = np.load(noisy.parent / "x.npy"), np.load(noisy / "imputed_all.npz")
    seen = ~found["missing"]
    assert np.array_equal(found["x"][seen], x[seen])
    missing = found["missing"] & ~np.isnan(x)
    assert hidden["num_values"] == missing.sum()
    means = np.nanmean(np.where(seen, x, np.nan)[found["split"] == "train"], axis=0)
    assert hidden["rmse_of_means"] == pytest.approx(np.sqrt(((means - x)[missing] ** 2).mean()), rel=1e-4)
    assert hidden["rmse"] == pytest.approx(np.sqrt(((found["x"] - x)[missing] ** 2).mean()), rel=1e-4)
    assert hidden["log_score"] is None


def test_new_points_are_imputed_without_noise(noisy: Path) -> None:
    new = noisy.parent / "new.npy"
    assert cli.dispatch(["impute", str(noisy), "--samples", "50", f"data.path={new}"]) == 0
    x, found = np.load(new), np.load(noisy / "imputed_new.npz")
    assert np.array_equal(found["x"][~found["missing"]], x[~np.isnan(x)])
    opened = vaerun.load(noisy)
    point = np.array([[102.0, np.nan, np.nan, np.nan, np.nan]], np.float32)
    torch.manual_seed(0)
    imputed = opened.impute(point, num_samples=2000)
    torch.manual_seed(0)
    modelled = impute(opened.strategy, torch.from_numpy(point + np.float32(0.5)), num_samples=2000)
    assert torch.allclose(imputed.x[0, 1:], modelled.x[0, 1:] - 0.5)
    assert imputed.x[0, 0] == point[0, 0]


def test_values_that_are_drawn_at_each_visit_are_not_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(tmp_path / "run", "trainer.epochs=1", "data.hide=0.3", "data.binarize=dynamic")
    assert cli.dispatch(["impute", str(tmp_path / "run"), "--split", "train", "--samples", "2"]) == 0
    assert (
        "hidden values are not compared: there are none in this split, or they are drawn anew at each visit"
        in capsys.readouterr().out
    )
