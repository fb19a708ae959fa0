"""Which keys may change when a run is resumed, and how a diverged run continues."""

import shlex
from pathlib import Path

import pytest
import yaml

from tests.runs import records, state, summary, train
from vaerun import cli
from vaerun.errors import DivergedError, UserError
from vaerun.experiment.directory import how_to_resume
from vaerun.experiment.resume import smaller_steps

# The first epoch is finite, because the first step of Adam is bounded; the second is not.
DIVERGES = ("optimizer.learning_rate=1e30",)


def resumed(directory: Path, *words: str) -> int:
    return cli.dispatch(["train", f"resume={directory}", *words])


@pytest.fixture
def diverged(tmp_path: Path) -> Path:
    with pytest.raises(DivergedError) as raised:
        train(tmp_path / "run", *DIVERGES)
    assert "Continue from the best checkpoint with smaller steps: vaerun train resume=" in str(raised.value)
    return tmp_path / "run"


def test_a_diverged_run_continues_from_its_best_checkpoint_with_the_command_that_it_names(diverged: Path) -> None:
    best = state(diverged, "best")["progress"]["step"]
    command = summary(diverged)["reason"].rpartition("smaller steps: vaerun train ")[2].split()
    assert cli.dispatch(["train", *command]) == 0
    said, config = summary(diverged), yaml.safe_load((diverged / "config.yaml").read_text())
    assert said["status"] == "completed"
    assert config["changes"] == [f"from step {best}: optimizer.learning_rate=0.001 optimizer.max_norm=10"]
    assert (config["optimizer"]["learning_rate"], config["optimizer"]["max_norm"]) == (0.001, 10)
    assert config["choices"]
    assert state(diverged)["optimizer"]["param_groups"][0]["lr"] == 0.001
    steps = [record["step"] for record in records(diverged)]
    assert sorted(set(steps[:-1])) == steps[:-1]


def test_a_second_change_is_recorded_too(diverged: Path) -> None:
    resumed(diverged, "optimizer.learning_rate=1e29")
    assert summary(diverged)["status"] == "diverged"
    assert resumed(diverged, "optimizer.learning_rate=1e-3") == 0
    changes = yaml.safe_load((diverged / "config.yaml").read_text())["changes"]
    assert [change.partition(": ")[2] for change in changes] == [
        "optimizer.learning_rate=1e+29", "optimizer.learning_rate=0.001"
    ]  # fmt: skip
    assert resumed(diverged) == 0  # finished, and its configuration can be read again


@pytest.mark.parametrize("word", ["optimizer.beta1=2", "optimizer.learning_rate=-1"])
def test_a_step_out_of_range_is_refused_and_changes_nothing(
    word: str, diverged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (diverged / "config.yaml").read_bytes()
    assert resumed(diverged, word) == 2
    assert "must be" in capsys.readouterr().err
    assert (diverged / "config.yaml").read_bytes() == before


def test_another_run_keeps_its_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(tmp_path)
    assert resumed(tmp_path, "optimizer.learning_rate=1e-4") == 2
    assert "a run keeps its configuration" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("config", "per_point", "words"),
    [
        ({"optimizer": {"learning_rate": 1e-3}}, False, "optimizer.learning_rate=0.0001"),
        ({"optimizer": {"lr": 1.0, "max_norm": None}}, False, "optimizer.lr=0.001 optimizer.max_norm=10"),
        ({"optimizer": {"lr": 1.0, "max_norm": 1e3}}, False, "optimizer.lr=0.001 optimizer.max_norm=10"),
        ({"optimizer": {"lr": 1.0, "max_norm": 5.0}}, False, "optimizer.lr=0.001 optimizer.max_norm=0.5"),
        ({"optimizer": {"lr": 5.0}}, False, "optimizer.lr=0.001"),
        ({"optimizer": {}, "local": {"optimizer": {"learning_rate": 0.5}}}, True, "local.optimizer.learning_rate=0.05"),
    ],
)
def test_steps_become_ten_times_smaller_and_at_most_usual(config: dict, per_point: bool, words: str) -> None:
    told = smaller_steps(config, Path("run"), per_point=per_point)
    assert told.endswith(f"vaerun train resume=run {words}")


def test_objects_without_a_configuration_get_a_remedy_in_words() -> None:
    assert smaller_steps({}, Path("run"), per_point=True) == "Use smaller steps, or limit the norm of the gradient."


def test_a_run_whose_resume_cannot_be_built_keeps_its_summary(diverged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise UserError("data.path does not exist.")

    before = (diverged / "summary.json").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("vaerun.experiment.fit.build", refuse)
        assert resumed(diverged, "optimizer.learning_rate=1e-3") == 2
    assert (diverged / "summary.json").read_bytes() == before
    assert resumed(diverged, "optimizer.learning_rate=1e-4") == 0  # its step sizes can still be changed


def test_what_is_printed_can_be_copied(tmp_path: Path) -> None:
    run = tmp_path / "a run"
    run.mkdir()
    assert how_to_resume(run) == f"experiment.fit({str(run)!r}) in Python, with an experiment of the same objects"
    (run / "config.yaml").touch()
    assert shlex.split(how_to_resume(run)) == ["vaerun", "train", f"resume={run}"]
