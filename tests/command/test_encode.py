"""vaerun encode and vaerun eval on points that a run was not trained with, after its training data are gone."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.runs import TINY, train
from vaerun import cli
from vaerun.experiment.load import load
from vaerun.report.recorded import read as read_recorded

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs with an encoder and with a φ_i for each point, whose training file was moved; and files of new points."""
    folder = tmp_path_factory.mktemp("runs")
    g = np.random.default_rng(0)
    images = g.integers(0, 256, (60, 4, 4), dtype=np.uint8)
    np.savez(folder / "data.npz", x=images)
    np.savez(folder / "new.npz", x=images[:7] // 4)  # dark images, which alone would need a scale
    np.savez(folder / "floats.npz", x=images[:7] / 255)
    np.savez(folder / "wide.npz", x=g.integers(0, 256, (9, 4, 5), dtype=np.uint8))
    words = ("data=arrays", f"data.path={folder / 'data.npz'}", "data.binarize=static", "trainer.batch_size=20")
    train(folder / "amortized", *words)
    train(folder / "coordinate", *words, "strategy=coordinate", "strategy.test_steps=20", "trainer.epochs=1")
    train(folder / "digits", "trainer.epochs=1")
    (folder / "data.npz").rename(folder / "moved.npz")
    assert TINY
    return folder


@pytest.fixture
def vaerun(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """(exit code, stdout, stderr) of a command line in the folder of the runs."""
    monkeypatch.chdir(root)

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setenv("VAERUN_TRACEBACK", "")
        monkeypatch.setenv("HYDRA_FULL_ERROR", "")
        return cli.dispatch(list(words)), *capsys.readouterr()

    return call


@pytest.mark.parametrize("run", ["amortized", "coordinate"])
def test_every_point_of_the_training_file_has_a_row_in_its_place(vaerun: Call, tmp_path: Path, run: str) -> None:
    out = tmp_path / "z.npz"
    assert vaerun("encode", run, "data.path=moved.npz", "--out", str(out), "--samples", "3") == (0, f"{out}\n", "")
    with np.load(out) as table:
        assert table["index"].tolist() == list(range(60))
        opened = load(Path(run), overrides=["data.path=moved.npz"])
        for split in ("train", "valid", "test"):  # the solver of other points draws random numbers
            points = opened.data.split(split)
            rows = points.source_rows.numpy()
            assert set(table["split"][rows]) == {split}
            phi = opened.strategy.infer(points.points(), torch.arange(len(points)), split).phi
            error = 1e-5 if run == "amortized" or split == "train" else 0.5
            np.testing.assert_allclose(table["mean"][rows], opened.strategy.bound.family(phi).mean(), atol=error)
        assert table["samples"].shape == (60, 3, 3)


def test_a_file_is_not_replaced_by_chance(vaerun: Call, tmp_path: Path) -> None:
    out = tmp_path / "z.csv"
    words = ("encode", "amortized", "data.path=new.npz", "--out", str(out))
    assert vaerun(*words)[0] == 0
    before = out.read_bytes()
    code, _, err = vaerun(*words)
    assert (code, err.count("\n")) == (2, 1)
    assert "--force" in err
    assert vaerun(*words, "--force")[0] == 0
    assert out.read_bytes() == before, "the same seed writes the same file"
    code, _, err = vaerun("encode", "amortized", "data.path=new.npz", "--out", "new.npz", "--force")
    assert code == 2
    assert "is the file of the data" in err


@pytest.mark.parametrize("run", ["amortized", "coordinate"])
def test_new_points_need_nothing_of_the_training_file(root: Path, vaerun: Call, tmp_path: Path, run: str) -> None:
    out = tmp_path / "new.csv"
    code, _, err = vaerun("encode", run, "data.path=new.npz", "--out", str(out))
    assert (code, err) == (0, "")
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [row["split"] for row in rows] == ["new"] * 7
    opened = load(root / run)
    new = opened.read(root / "new.npz")
    assert new.support == "binary"
    assert float(new.split("new").points().mean()) < 0.3, "the scale is that of the training file, not of this one"
    found = opened.encode(new.split("new").points())
    np.testing.assert_allclose(
        [float(row["mean_1"]) for row in rows], found[:, 1], atol=0.5 if run == "coordinate" else 1e-4
    )
    result = opened.evaluate("bound", data=new, num_samples=3)
    assert {tag.partition("/")[2] for tag in result.metrics} == {"new"}
    assert len(opened.sample(3)) == 3


def test_figures_on_new_points_carry_their_own_hash_and_stay_out_of_comparisons(root: Path, vaerun: Call) -> None:
    code, out, err = vaerun("eval", "amortized", "data.path=new.npz", "evaluation.num_samples=3", "--json")
    assert (code, err) == (0, "")
    (result,) = json.loads(out)
    assert result["data"]["new"] is True
    assert result["data"]["points"] == 7
    assert result["data"]["name"] == "new.npz"
    assert result["data"]["sha256"] != load(root / "amortized").summary["data"]["sha256"]
    assert result["evaluation"]["split"] == "new"
    assert all(tag.endswith("/new") for tag in result["metrics"])
    _, out, _ = vaerun("eval", "amortized", "data.path=new.npz", "evaluation.num_samples=3")
    assert "7 points that the run was not trained with" in out
    said: list[str] = []
    recorded = read_recorded(root / "amortized", said.append)
    assert recorded is not None
    assert not [tag for tag in recorded.metrics if tag.endswith("/new")]
    assert not said
    _, out, _ = vaerun("eval", "amortized", "data.path=moved.npz", "evaluation.num_samples=3")
    assert "elbo/test" in out, "this is the training file at another place"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("eval", "amortized", "data.path=wide.npz"), "must have the shape [4, 4]"),
        (("eval", "amortized", "data.path=floats.npz"), "must hold whole numbers like the file"),
        (("eval", "amortized", "data.path=none.npz"), "it does not exist"),
        (("eval", "amortized", "data.path=new.npz", "evaluation.split=test"), "choose the split new"),
        (("eval", "amortized", "evaluation.split=new"), "give data.path=FILE"),
        (("eval", "amortized"), "cannot be read again"),
        (("eval", "amortized", "data.path=new.npz", "evaluation=cross"), "use evaluation.encoder_epochs=0"),
        (("encode", "amortized", "data.path=new.npz", "--split", "train"), "choose the split new"),
        (("encode", "amortized", "digits"), "--out"),
        (("encode", "amortized", "--num-samples", "1"), "write --num-samples 2"),
        (("encode", "amortized", "--out", "z.txt"), "must end in"),
        (
            ("sample", "amortized", "--out", "z.txt"),
            "must be a folder or a file that ends in .npz or .npy, got 'z.txt'",
        ),
        (("eval", "amortized", "--out", "a/z.csv"), "must be a folder, got 'a/z.csv': write, for example, --out a/z."),
        (("report", "amortized", "--out", "r.HTML"), "must be a folder, got 'r.HTML': write, for example, --out r."),
        (("sample", "amortized", "digits", "--out", "x.npy"), "--out names one file, but there are 2 runs"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(vaerun: Call, words: tuple[str, ...], said: str) -> None:
    if words == ("encode", "amortized", "digits"):
        words = (*words, "--out", "z.csv")
    code, out, err = vaerun(*words)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_a_run_of_data_without_a_file_takes_new_points_from_an_array(root: Path, vaerun: Call) -> None:
    np.savez(root / "grey.npz", x=np.random.default_rng(0).integers(0, 17, (5, 8, 8)).astype(np.uint8))
    code, out, err = vaerun("eval", "digits", "data.path=grey.npz", "evaluation.num_samples=3")
    assert (code, err) == (0, "")
    assert "grey.npz (static), 5 points" in out
    code, _, err = vaerun("eval", "digits", "data.path=grey.npz", "evaluation.split=test")
    assert code == 2
    assert "leave data.path out" in err


def test_prior_samples_in_one_file_need_no_data(vaerun: Call, tmp_path: Path) -> None:
    out = tmp_path / "x.npz"
    assert vaerun("sample", "amortized", "-n", "1500", "--out", str(out)) == (0, f"{out}\n", "")
    with np.load(out) as drawn:
        assert drawn["x"].shape == drawn["mean"].shape == (1500, 4, 4)
        assert drawn["z"].shape == (1500, 3)
    code, _, err = vaerun("sample", "amortized", "-n", "3", "--out", str(out))
    assert (code, err.count("\n")) == (2, 1)
    assert vaerun("sample", "amortized", "-n", "3", "--out", str(out), "--force")[0] == 0


def test_samples_are_drawn_at_new_points(root: Path, vaerun: Call, tmp_path: Path) -> None:
    assert vaerun("sample", "amortized", "data.path=new.npz", "-n", "4", "--out", str(tmp_path))[0] == 0
    new = load(root / "amortized").read(root / "new.npz").split("new").points()
    with np.load(tmp_path / "reconstructions.npz") as drawn:
        np.testing.assert_array_equal(drawn["x"].reshape(4, 16), new[drawn["index"]])
