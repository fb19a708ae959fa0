"""Which state a training continues from, whatever is damaged."""

import logging
from pathlib import Path

import pytest

from tests.trainer.given import CPU, Given
from vaerun.errors import UserError
from vaerun.trainer.checkpoint import write
from vaerun.trainer.resume_point import SavedStates, reread

pytestmark = pytest.mark.usefixtures("seeded")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Checkpoints of a run: best at 2 and 6, last at 4 and 8."""
    given = Given()
    saved = (("best", 2, -5.0, 2), ("last", 4, -5.0, 2), ("best", 6, -4.0, 6), ("last", 8, -4.0, 6))
    for name, step, best, best_step in saved:
        state = given.at(step)
        state["progress"] |= {"best": best, "best_step": best_step}
        write(tmp_path / f"{name}.pt", state)
    return tmp_path


@pytest.mark.parametrize(
    ("damaged", "step", "best_step"),
    [
        ((), 8, 6),
        (("last.pt",), 6, 6),
        (("last.pt", "last.previous.pt"), 6, 6),
        (("best.pt",), 4, 2),
        (("best.pt", "last.pt"), 4, 2),
        (("best.pt", "last.pt", "last.previous.pt"), 2, 2),
        (("best.pt", "last.previous.pt"), 2, 2),
    ],
)
@pytest.mark.parametrize("missing", [True, False])
def test_the_newest_state_whose_best_is_intact(
    damaged: tuple[str, ...],
    step: int,
    best_step: int,
    missing: bool,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in damaged:
        if missing:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(b"\0" * 500)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with caplog.at_level(logging.WARNING):
        newest = SavedStates(folder, CPU).newest()
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
        assert not caplog.records
        point = SavedStates(folder, CPU).mended()
    assert newest.progress == point.progress
    assert reread(point.path, point.progress, CPU).state["progress"] == point.state["progress"]
    assert (point.progress.step, point.progress.best_step) == (step, best_step)
    assert point.state["progress"]["step"] == step
    assert len(caplog.records) == bool(damaged)
    if damaged:
        assert f"the run continues from step {step}" in caplog.text
        caplog.clear()
        assert (
            SavedStates(folder, CPU).mended().progress.best_step == best_step
        )  # nothing damaged stands in the way any more


def test_without_a_best_state_the_sentence_says_what_is_left(folder: Path) -> None:
    for name in ("best.pt", "best.previous.pt"):
        (folder / name).write_bytes(b"")
    with pytest.raises(UserError, match=r"no best checkpoint that can be read.*--checkpoint last opens its last state"):
        SavedStates(folder, CPU).mended()
