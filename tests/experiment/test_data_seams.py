"""Wherever data come into a run, they are right, or one sentence says why not and what to do."""

from pathlib import Path

import numpy as np
import pytest
import torch

import vaerun
from tests.runs import summary, train
from vaerun.data.base import Dataset
from vaerun.errors import UserError

X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
WORDS = ("data=arrays", "model/likelihood=gaussian", "trainer.epochs=1", "trainer.batch_size=10")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    np.save(tmp_path / "x.npy", X)
    train(tmp_path / "run", *WORDS, f"data.path={tmp_path / 'x.npy'}")
    return tmp_path / "run"


def test_what_was_done_to_the_values_stands_in_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    np.save(tmp_path / "x.npy", X.astype(np.float64))
    with caplog.at_level("INFO", logger="vaerun"):
        train(tmp_path / "run", *WORDS, f"data.path={tmp_path / 'x.npy'}")
    assert summary(tmp_path / "run")["data"]["values"] == "float64 rounded to float32"
    assert caplog.messages.index("values     float64 rounded to float32") < 4


@pytest.mark.parametrize("array", [np.arange(240).reshape(60, 4), np.zeros((60, 3, 8, 3)), X + 1, X > 0, None])
def test_a_file_in_the_place_of_the_training_data_is_not_asked_about(run: Path, array: np.ndarray | None) -> None:
    """``vaerun eval`` and ``resume`` keep data.scale and data.layout, so they must not ask for them."""
    path = run.parent / "x.npy"
    path.unlink()
    if array is not None:
        np.save(path, array)
    sentence = r"the data of .*run cannot be read again, because .*: give the file that it was trained with, data\.path"
    with pytest.raises(UserError, match=sentence):
        vaerun.load(run).data.info()
    summary_path = run / "summary.json"
    summary_path.write_text(summary_path.read_text().replace("completed", "interrupted"))
    with pytest.raises(UserError, match=sentence):
        train(run, *WORDS, f"data.path={path}")
    np.save(run.parent / "moved.npy", X)  # the remedy
    assert len(vaerun.load(run, overrides=[f"data.path={run.parent / 'moved.npy'}"]).data.train) == 48


def test_an_empty_path_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"give data\.path=FILE"):
        train(tmp_path / "run", *WORDS, "data.path=")


@pytest.mark.parametrize("data", [torch.randn(50, 4), X, None, "digits"])
def test_an_experiment_of_something_else_than_a_data_set_says_what_to_make(run: Path, data: object) -> None:
    strategy = vaerun.load(run).strategy
    with pytest.raises(UserError, match=r"^data must be a Dataset, for example Dataset\.of\(x\) of a tensor x, got "):
        vaerun.Experiment(data=data, strategy=strategy, trainer=None)
    with pytest.raises(UserError, match=r"^trainer must be a Trainer, got NoneType\.$"):
        vaerun.Experiment(data=Dataset.of(X), strategy=strategy, trainer=None)


def test_labels_in_a_file_are_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", np.array(["a", "b", "c"] * 20))
    monkeypatch.chdir(tmp_path)
    train(tmp_path / "run", *WORDS, "data.path=x.npy", "data.label_path=y.npy")
    assert summary(tmp_path / "run")["data"]["labels"] == ["a", "b", "c"]
    monkeypatch.chdir("/")
    test = vaerun.load(tmp_path / "run").data.test
    assert test.labels is not None
    assert test.source_rows is not None
    assert test.labels.tolist() == (test.source_rows % 3).tolist()
