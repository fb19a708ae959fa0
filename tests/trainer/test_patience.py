"""Early stopping, in runs whose bound does not change: the steps are too small for the weights."""

from pathlib import Path

import pytest

from tests.runs import equal, records, state, summary, train
from tests.trainer.test_resume import in_two_parts
from vaerun import cli
from vaerun.errors import UserError
from vaerun.experiment.directory import write_summary

STILL = ("optimizer.learning_rate=1e-30", "trainer.epochs=12")
WARM_UP = ("objective/kl_weight=linear", "objective.kl_weight.epochs=4")


@pytest.mark.parametrize(
    ("words", "epochs"),
    [
        (("trainer.patience=1",), 2),
        (("trainer.patience=3",), 4),
        (("trainer.patience=2", *WARM_UP), 6),
        (("trainer.patience=2", "trainer.validation.every=2"), 6),
        (("trainer.patience=2", "trainer.validation.every=2", *WARM_UP, "objective.kl_weight.epochs=3"), 6),
        (("trainer.patience=20",), 12),
        ((), 12),
    ],
)
def test_it_ends_after_so_many_validations_without_a_new_best(
    words: tuple[str, ...], epochs: int, tmp_path: Path
) -> None:
    said = train(tmp_path, *STILL, *words)
    assert said["status"] == "completed"
    assert said["epochs"] == epochs
    assert state(tmp_path)["progress"]["step"] == said["steps"]
    if epochs == 12:
        assert said["reason"] is None
    else:
        assert said["reason"].startswith("elbo/valid has had no new best value in")
        assert words[0] in said["reason"]


def test_it_does_not_end_while_the_bound_rises(tmp_path: Path) -> None:
    assert train(tmp_path, "trainer.patience=1", "trainer.validation.points=null")["reason"] is None


@pytest.mark.slow
def test_stopped_and_resumed_is_uninterrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = (*STILL, "trainer.patience=3")
    train(tmp_path / "whole", *words)
    in_two_parts(tmp_path / "parts", *words, monkeypatch=monkeypatch)
    monkeypatch.undo()
    assert equal(state(tmp_path / "whole"), state(tmp_path / "parts"))
    assert records(tmp_path / "whole") == records(tmp_path / "parts")
    # As if it had been killed during its test.
    write_summary(tmp_path / "parts", {**summary(tmp_path / "parts"), "status": "running", "reason": None})
    assert train(tmp_path / "parts", *words)["reason"] == summary(tmp_path / "whole")["reason"]
    assert equal(state(tmp_path / "whole"), state(tmp_path / "parts"))


@pytest.mark.slow
def test_more_patience_goes_on_as_if_it_had_been_there_from_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(tmp_path / "more", *STILL, "trainer.patience=5")
    train(tmp_path / "grown", *STILL, "trainer.patience=2")
    assert cli.dispatch(["train", f"resume={tmp_path / 'grown'}", "trainer.patience=1"]) == 2
    assert "trainer.patience must stay at least 2, or null, got 1" in capsys.readouterr().err
    assert cli.dispatch(["train", f"resume={tmp_path / 'grown'}", "trainer.patience=5"]) == 0
    assert equal(state(tmp_path / "more"), state(tmp_path / "grown"))


def test_no_patience_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"trainer\.patience must be at least 1, got 0: use null"):
        train(tmp_path / "never", "trainer.patience=0")
