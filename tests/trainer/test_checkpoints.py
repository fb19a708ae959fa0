"""Checkpoints that are kept."""

from pathlib import Path

import pytest
import torch

from tests.runs import equal, state, train
from tests.trainer.test_resume import in_two_parts
from vaerun.errors import UserError
from vaerun.experiment.load import load
from vaerun.trainer.checkpoints import Checkpoints

KEPT = ("trainer.epochs=5", "trainer.checkpoints.every=2")


@pytest.mark.slow
def test_every_second_epoch_is_kept_and_is_the_end_of_a_shorter_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_two_parts(tmp_path / "long", *KEPT, monkeypatch=monkeypatch)
    monkeypatch.undo()
    train(tmp_path / "short", "trainer.epochs=2")
    held = sorted(path.name for path in (tmp_path / "long" / "checkpoints").glob("epoch*"))
    assert held == ["epoch_2.pt", "epoch_4.pt"]
    assert equal(state(tmp_path / "long", "epoch_2"), state(tmp_path / "short"))
    run = load(tmp_path / "long", checkpoint="epoch_2")
    assert run.step == state(tmp_path / "short")["progress"]["step"]
    last = load(tmp_path / "short", checkpoint="last").strategy.weights
    assert all(torch.equal(one, other) for one, other in zip(run.strategy.weights, last, strict=True))


@pytest.mark.parametrize("name", ["epoch_0", "epoch_", "epoch_2.previous", "../last", "worst"])
def test_another_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="checkpoint must be best, last or epoch_N"):
        load(tmp_path, checkpoint=name)


@pytest.mark.parametrize(("key", "value"), [("every", 0), ("seconds", -1.0)])
def test_what_is_no_period_is_refused(key: str, value: float) -> None:
    with pytest.raises(UserError, match=f"trainer.checkpoints.{key} must be at least"):
        Checkpoints(**{key: value})
