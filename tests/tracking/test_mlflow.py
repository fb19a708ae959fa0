"""An MLflow run has the parameters, metrics, texts and images of the run, and a resumed run continues it."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vaerun.errors import UserError
from vaerun.tracking.mlflow import MLflow, store_of
from vaerun.tracking.stored_id import stored

pytestmark = [
    pytest.mark.slow,  # MLflow makes a database with dozens of tables
    pytest.mark.filterwarnings("ignore"),  # of MLflow's own imports and database
]


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def client(home: Path) -> Any:
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    return mlflow.MlflowClient(tracking_uri=f"sqlite:///{home / 'mlflow.db'}")


def test_a_run_is_stored_and_continued(tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    sweep = tmp_path / "sweep"
    first, second = sweep / "first", sweep / "second"
    for directory in (first, second):
        directory.mkdir(parents=True)
    (sweep / "sweep.yaml").write_text("")
    tracker = MLflow(first)
    tracker.hparams({"strategy": "joint", "trainer.epochs": 2})
    tracker.text("config", "seed: 0")
    tracker.images(5, "samples/prior", np.zeros((4, 4), np.uint8))
    tracker.scalars(5, {"step": 5, "seconds": 1.5, "elbo/train": -3.0})
    tracker.close("interrupted")
    resumed = MLflow(first)
    resumed.hparams({"strategy": "joint", "trainer.epochs": 4})
    resumed.scalars(10, {"step": 10, "seconds": 2.5, "elbo/train": float("nan")})
    resumed.close("completed")
    MLflow(second).close("diverged")

    store = client(sweep)
    (experiment,) = [found for found in store.search_experiments() if found.name == "vaerun"]
    runs = {run.info.run_name: run for run in store.search_runs([experiment.experiment_id])}
    assert {name: run.info.status for name, run in runs.items()} == {"first": "FINISHED", "second": "FAILED"}
    run = runs["first"]
    assert run.info.run_id == stored(first / "mlflow.id")
    assert run.data.params == {"strategy": "joint", "trainer.epochs": "2"}
    assert run.data.tags["trainer.epochs"] == "4"
    history = store.get_metric_history(run.info.run_id, "elbo/train")
    assert [metric.step for metric in history] == [5, 10]
    assert history[0].value == -3.0
    assert np.isnan(history[1].value)
    assert [metric.value for metric in store.get_metric_history(run.info.run_id, "spent/seconds")] == [1.5, 2.5]
    assert {artifact.path for artifact in store.list_artifacts(run.info.run_id)} == {"config.md", "samples"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sweep"]
    assert not list(first.glob("mlflow.db"))


def test_a_run_alone_has_a_store_of_its_own(tmp_path: Path) -> None:
    assert store_of(tmp_path) == tmp_path
    (tmp_path / "job").mkdir()
    (tmp_path / "sweep.yaml").write_text("")
    assert store_of(tmp_path / "job") == tmp_path


def test_a_database_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.db").write_text("")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mlflow.db").symlink_to(tmp_path / "elsewhere.db")
    with pytest.raises(UserError, match="a symbolic link"):
        store_of(tmp_path / "run")


def test_without_the_package_one_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.setattr("vaerun.tracking.mlflow.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'vaerun\[mlflow\]'"):
        MLflow(tmp_path)
