"""When a state reaches its file, and which states do not."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.runs import records, state, train
from tests.trainer.given import CPU, Given
from vaerun.errors import DivergedError
from vaerun.trainer import checkpoint_writer
from vaerun.trainer.checkpoint import load, write
from vaerun.trainer.checkpoint_writer import CheckpointWriter
from vaerun.trainer.checkpoints import Checkpoints
from vaerun.trainer.trainer import Trainer
from vaerun.trainer.training import Training
from vaerun.trainer.validation import Validation
from vaerun.trainer.watcher import Watcher

pytestmark = pytest.mark.usefixtures("seeded")


@pytest.fixture
def given(seeded: None, monkeypatch: pytest.MonkeyPatch) -> Given:
    monkeypatch.setattr(checkpoint_writer, "PAUSE", math.inf)
    return Given()


def step(path: Path) -> int:
    return load(path, CPU)["progress"]["step"]


def test_a_small_best_state_waits_for_the_last_and_is_what_it_was(given: Given, tmp_path: Path) -> None:
    kept = CheckpointWriter(tmp_path, Checkpoints())
    kept.keep("best", given.at(3, 1.5))
    assert not list(tmp_path.iterdir())
    kept.keep("last", given.at(4, 2.5))
    assert (step(tmp_path / "best.pt"), step(tmp_path / "last.pt")) == (3, 4)
    for name, value in (("best", 1.5), ("last", 2.5)):
        saved = load(tmp_path / f"{name}.pt", CPU)["tensors"]
        assert (next(t for key, t in saved.items() if key.endswith("model.W")) == value).all()
    (tmp_path / "best.pt").unlink()
    kept.keep("last", given.at(5))
    assert not (tmp_path / "best.pt").exists()  # nothing waits any more


def test_of_two_that_wait_the_newer_is_the_best(given: Given, tmp_path: Path) -> None:
    kept = CheckpointWriter(tmp_path, Checkpoints())
    kept.keep("best", given.at(3))
    kept.keep("best", given.at(5))
    kept.settle()
    assert step(tmp_path / "best.pt") == 5


def test_a_large_best_state_is_written_at_once(given: Given, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = given.at(3)
    size = sum(t.nbytes for t in held["tensors"].values())
    monkeypatch.setattr(checkpoint_writer, "SMALL", size - 1)
    kept = CheckpointWriter(tmp_path, Checkpoints())
    kept.keep("best", held)
    assert step(tmp_path / "best.pt") == 3
    assert kept.waiting is None


def test_a_best_state_is_written_at_once_where_that_is_seldom(
    given: Given, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(checkpoint_writer, "PAUSE", 1.0)
    monkeypatch.setattr(checkpoint_writer.time, "monotonic", lambda: now)
    kept = CheckpointWriter(tmp_path, Checkpoints())
    for later, at, expected in ((1.1, 3, 3), (0.9, 4, 3), (0.2, 5, 5), (0.9, 6, 5)):
        now += later
        kept.keep("best", given.at(at))
        assert step(tmp_path / "best.pt") == expected
        assert (kept.waiting is None) == (at == expected)


class Breaks(Watcher):
    """Raises an error after a step."""

    def __init__(self, error: BaseException, step: int) -> None:
        self.error, self.step = error, step

    def on_step(self, training: Training) -> None:
        if training.progress.step == self.step:
            raise self.error


@pytest.mark.parametrize("error", [RuntimeError("so it ends"), KeyboardInterrupt(), DivergedError("so it ends")])
def test_what_waits_is_written_however_training_ends(error: BaseException, given: Given, tmp_path: Path) -> None:
    trainer = Trainer(epochs=5, batch_size=6, validation=Validation(every=1, points=3))
    writer = CheckpointWriter(tmp_path, Checkpoints(seconds=math.inf))
    with pytest.raises(type(error)):
        trainer.fit(given.strategy, given.data, watchers=(writer, Breaks(error, step=3)))
    assert step(tmp_path / "last.pt") == 0
    assert 1 <= step(tmp_path / "best.pt") <= 3


def test_a_run_that_diverges_leaves_the_best_it_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def training_metrics(self: Training) -> dict[str, float]:
        self.means.means()
        return {"elbo/train": math.nan if self.progress.step == 18 else 0.0}

    monkeypatch.setattr(Training, "training_metrics", training_metrics)
    with pytest.raises(DivergedError):
        train(tmp_path)
    found = {record["step"]: record["elbo/valid"] for record in records(tmp_path) if "elbo/valid" in record}
    best = state(tmp_path, "best")["progress"]
    assert best["best_step"] == max((at for at in found if at < 18), key=found.__getitem__) > 0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["last", "best"])
def test_what_is_not_finite_does_not_replace_a_file(name: str, value: float, given: Given, tmp_path: Path) -> None:
    write(tmp_path / f"{name}.pt", given.at(3))
    spoilt = given.at(4)
    next(t for key, t in spoilt["tensors"].items() if key.endswith("model.W"))[0, 0] = value
    kept = CheckpointWriter(tmp_path, Checkpoints())
    with pytest.raises(DivergedError, match=r"model\.W holds a non-finite value at step 4"):  # noqa: PT012 - either raises
        kept.keep(name, spoilt)
        kept.settle()
    assert step(tmp_path / f"{name}.pt") == 3


@pytest.mark.parametrize(("took", "expected"), [(0.9, [10.0, 20.0]), (3.0, [30.0])])
def test_a_long_write_leaves_nine_tenths_of_the_time_to_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, took: float, expected: list[float]
) -> None:
    clock, saved = [0.0], list[float]()
    training: Any = SimpleNamespace(agreement=SimpleNamespace(clock=lambda: clock[0]), tick=lambda training: None)
    kept = CheckpointWriter(tmp_path, Checkpoints(seconds=10.0))
    kept.took, kept.last_at = took, 0.0

    def save(name: str, training: Training) -> None:
        saved.append(clock[0])
        kept.last_at = clock[0]

    monkeypatch.setattr(kept, "save", save)
    while clock[0] < 30:
        clock[0] += 1
        kept.on_step(training)
    assert saved[: len(expected)] == expected
