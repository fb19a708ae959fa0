"""What a watcher is told, and that it changes nothing but what it asks for."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.problems import linear_strategy, simulated
from vaerun.data.base import Dataset
from vaerun.data.split import Split
from vaerun.errors import Interrupted, UserError
from vaerun.trainer.checkpoint_writer import CheckpointWriter
from vaerun.trainer.checkpoints import Checkpoints
from vaerun.trainer.records import Records
from vaerun.trainer.resume_point import SavedStates
from vaerun.trainer.trainer import Trainer
from vaerun.trainer.training import Training
from vaerun.trainer.validation import Validation
from vaerun.trainer.watcher import Watcher

pytestmark = pytest.mark.usefixtures("seeded")


class Diary(Watcher):
    """Writes every event down, and asks to stop after a step."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.lines: list[Any] = []
        self.stop_after = stop_after

    def on_start(self, training: Training) -> None:
        self.lines.append(("start", training.resumed))

    def on_step(self, training: Training) -> None:
        self.lines.append(training.progress.step)
        if training.progress.step == self.stop_after:
            training.request_stop("enough")

    def on_record(self, training: Training, record: Any) -> None:
        self.lines.append(("record", record.position["step"], "elbo/valid" in record.metrics))

    def on_validation(self, training: Training, *, improved: bool) -> None:
        self.lines.append(("validation", improved == (training.progress.best_step == training.progress.step)))

    def on_epoch_end(self, training: Training, *, last: bool) -> None:
        self.lines.append(("epoch end", last))

    def on_stop(self, training: Training) -> None:
        self.lines.append("stop")

    def on_end(self, training: Training) -> None:
        self.lines.append("end")


def given(n: int = 8) -> tuple[Any, Dataset]:
    torch.manual_seed(0)
    x = simulated(n)
    strategy = linear_strategy("joint", x)
    return strategy, Dataset("given", Split(x), Split(x[:7]), Split(x[:5]), (x.shape[1],), "none", "real", "sha")


def trainer(**keys: Any) -> Trainer:
    return Trainer(batch_size=2, validation=Validation(every=2), records=Records(every=2), **keys)


def test_events_come_in_their_order() -> None:
    diary = Diary()
    trainer(epochs=3).fit(*given(), watchers=(diary,))
    quiet = [1, ("record", 2, False), 2, 3, ("record", 4, False), ("epoch end", False), 4]
    second = [5, ("record", 6, False), 6, 7, ("record", 8, True), ("validation", True), ("epoch end", False), 8]
    third = [9, ("record", 10, False), 10, 11, ("record", 12, True), ("validation", True), ("epoch end", True), 12]
    assert diary.lines == [("start", False), *quiet, *second, *third, "end"]


def test_a_watcher_ends_the_training_and_it_can_be_resumed(tmp_path: Path) -> None:
    strategy, data = given()
    trainer(epochs=3).fit(strategy, data, seed=5)
    whole = {name: t.clone() for name, t in strategy.state_dict().items()}

    strategy, data = given()
    diary, writer = Diary(stop_after=5), CheckpointWriter(tmp_path, Checkpoints())
    with pytest.raises(Interrupted, match="enough at step 5"):
        trainer(epochs=3).fit(strategy, data, seed=5, watchers=(diary, writer))
    assert diary.lines[-3:] == [5, "stop", "end"]

    torch.manual_seed(99)
    strategy, data = given()
    diary = Diary()
    resume = SavedStates(tmp_path, torch.device("cpu")).mended()
    trainer(epochs=3).fit(strategy, data, seed=5, watchers=(diary,), resume=resume)
    assert diary.lines[:3] == [("start", True), ("record", 6, False), 6]
    resumed = strategy.state_dict()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_on_end_comes_however_training_ends() -> None:
    class Broken(Watcher):
        def on_step(self, training: Training) -> None:
            raise RuntimeError("broken")

    diary = Diary()
    with pytest.raises(RuntimeError, match="broken"):
        trainer(epochs=3).fit(*given(), watchers=(diary, Broken()))
    assert diary.lines[-1] == "end"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Trainer(epochs=0), r"trainer\.epochs must be at least 1, got 0"),
        (lambda: Trainer(batch_size=0), r"trainer\.batch_size must be at least 1, got 0"),
        (lambda: Trainer(max_seconds=0.0), r"trainer\.max_seconds must be > 0"),
        (lambda: Trainer(max_decoder_evaluations=-3), r"trainer\.max_decoder_evaluations must be > 0.*got -3"),
        (lambda: Records(every=0), r"trainer\.records\.every must be at least 1, got 0"),
        (lambda: Records(images_every=-1), r"trainer\.records\.images_every must be at least 0, got -1"),
        (lambda: Checkpoints(seconds=-1.0), r"trainer\.checkpoints\.seconds must be"),
        (lambda: Validation(points=0), r"trainer\.validation\.points must be at least 1, got 0"),
        (lambda: Validation(every=2, evaluation_every=3), "multiple of"),
    ],
)
def test_a_number_out_of_its_range_is_refused(make: Any, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        make()
