"""Trackers of a run: chosen, made by hand, resumed, and not started for what a stranger's file says."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.runs import TINY, records, summary, train
from vaerun import cli
from vaerun.config import hydra
from vaerun.errors import UserError
from vaerun.experiment.fit import fit
from vaerun.experiment.load import load
from vaerun.experiment.train import train as train_in_python
from vaerun.tracking.base import Tracker

OWN = '''
from vaerun.tracking.base import Tracker


class Lines(Tracker):
    """One line of text for each record."""

    {outside}

    def __init__(self, directory, *, metric="elbo/train"):
        self.file, self.metric = (directory / "lines.txt").open("a"), metric

    def scalars(self, step, values):
        print(step, values.get(self.metric), file=self.file, flush=True)

    def close(self, status):
        print(status, file=self.file)
        self.file.close()
'''


class Kept(Tracker):
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.hyperparameters: dict[str, object] = {}
        self.status = ""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self.steps.append(step)

    def hparams(self, values: Mapping[str, float | str | bool]) -> None:
        self.hyperparameters = dict(values)

    def close(self, status: str) -> None:
        self.status = status


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """A folder with the package of a user, whose name is of this test alone, and its tracker."""
    name = f"lab_{abs(hash(request.node.name))}"
    outside = getattr(request, "param", "outside = False")
    (tmp_path / name).mkdir()
    (tmp_path / name / "lines.py").write_text(OWN.format(outside=outside))
    (tmp_path / "conf" / "tracking").mkdir(parents=True)
    text = f"# @package tracking.lines\n_target_: {name}.lines.Lines\nmetric: elbo/train\n"
    (tmp_path / "conf" / "tracking" / "lines.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / name


def test_only_the_chosen_trackers_write(tmp_path: Path) -> None:
    train(tmp_path / "none", "tracking=[]")
    train(tmp_path / "csv", "tracking=[csv]")
    train(tmp_path / "both", "tracking=[tensorboard,csv]")
    files = {
        name: {path.name.split(".")[0] for path in (tmp_path / name).iterdir()} for name in ("none", "csv", "both")
    }
    assert "events" not in files["none"] | files["csv"]
    assert (tmp_path / "none" / "metrics.jsonl").exists()
    assert (tmp_path / "csv" / "metrics.csv").exists()
    assert "events" in files["both"]
    rows = (tmp_path / "both" / "metrics.csv").read_text().splitlines()
    assert [int(row.split(",")[0]) for row in rows[1:]] == [record["step"] for record in records(tmp_path / "both")]


def test_a_tracker_of_ones_own_gets_the_records(lab: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = [*TINY, "tracking=[csv,lines]", "tracking.lines.metric=elbo/valid", f"trust={lab.name}"]
    assert cli.dispatch(["train", *words, f"hydra.run.dir={run}"]) == 0
    lines = (run / "lines.txt").read_text().splitlines()
    assert lines[-1] == "completed"
    expected = [f"{int(record['step'])} {record.get('elbo/valid')}" for record in records(run)]
    assert lines[:-1] == expected
    assert load(run).step  # without trust: an evaluation starts no tracker


@pytest.mark.parametrize("lab", ["outside = False", ""], indirect=True)
def test_a_tracker_of_ones_own_is_not_built_without_trust(
    lab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.dispatch(["train", *TINY, "tracking=[lines]", f"hydra.run.dir={tmp_path / 'run'}"]) == 2
    assert f"add trust={lab.name}" in capsys.readouterr().err


def test_a_resumed_run_has_each_record_once(tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(run, "tracking=[csv]")
    assert cli.dispatch(["train", f"resume={run}", "trainer.epochs=5"]) == 0
    steps = [int(row.split(",")[0]) for row in (run / "metrics.csv").read_text().splitlines()[1:]]
    assert steps == [record["step"] for record in records(run)]
    assert max(steps) == 30


def test_other_trackers_can_be_chosen_when_a_run_is_resumed(tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(run, "tracking=[]")
    assert cli.dispatch(["train", f"resume={run}", "trainer.epochs=4", "tracking=[csv]"]) == 0
    assert len((run / "metrics.csv").read_text().splitlines()) > 1
    assert list(yaml.safe_load((run / "config.yaml").read_text())["tracking"]) == ["csv"]


def test_a_file_starts_no_tracker_that_stores_records_elsewhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The config.yaml of a stranger's run names wandb: resuming and opening the run do not start it."""
    run, begun = tmp_path / "run", []
    monkeypatch.setattr("vaerun.tracking.wandb.Wandb.__init__", lambda self, **keys: begun.append(keys))
    cfg, choices = hydra.compose([*TINY, "tracking=[csv,wandb]", "tracking.wandb.entity=stranger"])
    fit(cfg, choices, run, live=False)
    assert not begun
    assert "tracking=wandb does not start" in caplog.text
    assert yaml.safe_load((run / "config.yaml").read_text())["tracking"]["wandb"]["entity"] == "stranger"
    caplog.clear()
    assert cli.dispatch(["train", f"resume={run}", "trainer.epochs=4"]) == 0
    load(run).evaluate("bound")
    assert not begun
    assert summary(run)["status"] == "completed"


def test_a_tracker_object_gets_the_records_in_python(tmp_path: Path) -> None:
    tracker = Kept()
    train_in_python(*TINY, "tracking=[]", directory=tmp_path / "run", trackers=[tracker])
    assert tracker.steps == [record["step"] for record in records(tmp_path / "run")]
    assert tracker.status == "completed"
    assert tracker.hyperparameters["strategy"] == "amortized"
    assert not [key for key in tracker.hyperparameters if key.startswith("tracking")]
    with pytest.raises(UserError, match="every tracker must be an object of a class derived from Tracker"):
        train_in_python(*TINY, directory=tmp_path / "other", trackers=[Kept])  # type: ignore[list-item]


def test_a_tracker_does_not_change_the_training(tmp_path: Path) -> None:
    train(tmp_path / "none", "tracking=[]")
    train(tmp_path / "all", "tracking=[tensorboard,csv]")
    assert records(tmp_path / "none") == records(tmp_path / "all")
