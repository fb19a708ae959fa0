"""A run that was stopped and went on is, to the bit, one that was not."""

import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.composition import composed
from tests.runs import TINY, equal, records, state, summary, train
from vaerun.data.base import Dataset
from vaerun.errors import Interrupted, UserError
from vaerun.evaluation.base import EvaluationResult
from vaerun.evaluation.bound import BoundEvaluation
from vaerun.experiment.fit import fit
from vaerun.strategy.base import Strategy
from vaerun.tracking.console import Console
from vaerun.trainer.checkpoint import load, write
from vaerun.trainer.stop_request import defer_signals
from vaerun.trainer.training import Training
from vaerun.trainer.watcher import Watcher

pytestmark = pytest.mark.slow

CASES = {
    "amortized, a warm-up, data redrawn at each visit": (
        "data.binarize=dynamic",
        "objective/kl_weight=linear",
        "objective.kl_weight.epochs=2",
    ),
    "joint": ("strategy=joint", "strategy.phi_steps=2", "strategy.test_steps=20"),
    "coordinate, the score function with its moving average, bits": (
        "strategy=coordinate",
        "strategy.max_steps=3",
        "strategy.test_steps=20",
        "posterior=bernoulli",
        "estimator=score",
    ),
}


def interrupt_at(step: int, number: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sends this process a signal right after a step."""

    def shoot(self: Console, done: int) -> None:
        if done == step:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(Console, "step", shoot)


def in_two_parts(folder: Path, *words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is stopped within an epoch and goes on."""
    interrupt_at(9, signal.SIGTERM, monkeypatch)
    with pytest.raises(Interrupted):
        train(folder, *words)
    train(folder, *words)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    ("step", "number"),
    [
        pytest.param(9, signal.SIGTERM, id="within an epoch"),
        pytest.param(8, signal.SIGINT, id="where a record is due"),
        pytest.param(12, signal.SIGINT, id="at the end of an epoch"),
        pytest.param(10, signal.SIGHUP, id="a terminal that is closed"),
        pytest.param(11, signal.SIGUSR1, id="Slurm's warning"),
    ],
)
def test_stopped_and_resumed_is_uninterrupted(
    case: str, step: int, number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(tmp_path / "whole", *CASES[case])
    interrupt_at(step, number, monkeypatch)
    with pytest.raises(Interrupted, match=f"step {step}"):
        train(tmp_path / "parts", *CASES[case])
    assert summary(tmp_path / "parts")["status"] == "interrupted"
    assert state(tmp_path / "parts")["progress"]["step"] == step
    torch.manual_seed(12345)  # a new process would not find the generators as they were left
    train(tmp_path / "parts", *CASES[case])

    for name in ("last", "best"):
        assert equal(state(tmp_path / "whole", name), state(tmp_path / "parts", name))
    assert records(tmp_path / "whole") == records(tmp_path / "parts")
    assert equal(summary(tmp_path / "whole")["metrics"], summary(tmp_path / "parts")["metrics"])
    assert len({record["step"] for record in records(tmp_path / "parts")}) > 3


def test_what_a_killed_run_wrote_after_its_checkpoint_is_written_again(tmp_path: Path) -> None:
    train(tmp_path / "whole")
    with pytest.MonkeyPatch.context() as monkeypatch:
        interrupt_at(7, signal.SIGINT, monkeypatch)
        with pytest.raises(Interrupted):
            train(tmp_path / "killed")
    with (tmp_path / "killed" / "metrics.jsonl").open("a") as file:
        file.write('{"step": 8, "elbo/train": 0.0}\n{"step": 9, "elb')
    train(tmp_path / "killed")
    assert records(tmp_path / "killed") == records(tmp_path / "whole")


def test_a_run_killed_after_its_test_record_has_it_once(tmp_path: Path) -> None:
    train(tmp_path)
    whole = records(tmp_path)
    said = summary(tmp_path)
    (tmp_path / "summary.json").write_text('{"status": "running", "reason": null, "seed": 0}')
    train(tmp_path)
    assert records(tmp_path) == whole
    assert equal(summary(tmp_path)["metrics"], said["metrics"])


def test_a_checkpoint_is_as_young_as_was_asked_for_also_within_an_epoch(tmp_path: Path) -> None:
    class Killed(Watcher):
        def on_step(self, training: Training) -> None:
            if training.progress.step == 4:
                raise RuntimeError("killed")

    cfg, choices = composed([*TINY, "trainer.checkpoints.seconds=0", "trainer.epochs=1"])
    with pytest.raises(RuntimeError, match="killed"):
        fit(cfg, choices, tmp_path / "parts", live=False, watchers=[Killed()])
    assert state(tmp_path / "parts")["progress"]["step"] == 4
    fit(cfg, choices, tmp_path / "parts", live=False)
    fit(cfg, choices, tmp_path / "whole", live=False)
    assert records(tmp_path / "parts") == records(tmp_path / "whole")


def test_a_closed_terminal_that_is_ignored_stays_ignored(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with defer_signals():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_best_state_from_after_the_last_is_known_for_what_it_is(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole")
    for step in (7, 15):
        with pytest.MonkeyPatch.context() as monkeypatch:
            interrupt_at(step, signal.SIGINT, monkeypatch)
            with pytest.raises(Interrupted):
                train(tmp_path / "killed")
        checkpoints = tmp_path / "killed" / "checkpoints"
        shutil.copy(checkpoints / "last.pt", checkpoints / f"{step}.pt")
    shutil.copytree(tmp_path / "killed", tmp_path / "better")
    for name in ("killed", "better"):
        shutil.move(tmp_path / name / "checkpoints" / "7.pt", tmp_path / name / "checkpoints" / "last.pt")
    best = state(tmp_path / "better", "best")
    best["progress"] |= {"best": 0.0}
    write(tmp_path / "better" / "checkpoints" / "best.pt", best)
    assert train(tmp_path / "killed")["best"] == whole["best"]
    assert train(tmp_path / "better")["best"] == {"step": 12, "valid": 0.0}
    assert equal(state(tmp_path / "better", "best"), best)


def test_a_signal_during_the_final_evaluation_counts_too(tmp_path: Path) -> None:
    train(tmp_path / "whole")
    evaluate = BoundEvaluation.__call__

    def shot(self: BoundEvaluation, strategy: Strategy, data: Dataset) -> EvaluationResult:
        if self.split == "test":
            os.kill(os.getpid(), signal.SIGTERM)
        return evaluate(self, strategy, data)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(BoundEvaluation, "__call__", shot)
        with pytest.raises(Interrupted, match="resume with: vaerun train resume="):
            train(tmp_path / "parts")
    said = summary(tmp_path / "parts")
    assert said["status"] == "interrupted"
    assert said["steps"] == 18
    assert said["metrics"]["elbo/valid"] == records(tmp_path / "parts")[-1]["elbo/valid"]
    train(tmp_path / "parts")
    assert summary(tmp_path / "parts")["metrics"] == summary(tmp_path / "whole")["metrics"]


def test_other_data_under_the_same_name_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    choices = ("data=arrays", f"data.path={path}", "model/likelihood=gaussian")
    generator = np.random.default_rng(0)
    np.save(path, generator.normal(size=(600, 5)))
    with pytest.MonkeyPatch.context() as monkeypatch:
        interrupt_at(3, signal.SIGINT, monkeypatch)
        with pytest.raises(Interrupted):
            train(tmp_path / "run", *choices)
    np.save(path, generator.normal(size=(600, 5)))
    with pytest.raises(UserError, match=r"cannot be read again, because .*x\.npy holds other data"):
        train(tmp_path / "run", *choices)


def test_a_seed_fixes_everything_and_another_changes_it(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train(tmp_path / name, f"seed={seed}")
        torch.rand(17)
    assert equal(state(tmp_path / "a"), state(tmp_path / "b"))
    assert not equal(state(tmp_path / "a")["tensors"], state(tmp_path / "c")["tensors"])


def test_evaluation_and_pictures_leave_the_training_as_it_would_have_been(tmp_path: Path) -> None:
    common = ("strategy=coordinate", "strategy.max_steps=3", "strategy.test_steps=20", "posterior=bernoulli")
    common += ("estimator=score",)
    train(tmp_path / "often", *common, "trainer.records.images_every=1")
    train(tmp_path / "seldom", *common, "trainer.validation.every=3", "trainer.validation.num_samples=3")
    often, seldom = (state(tmp_path / name)["tensors"] for name in ("often", "seldom"))
    trained = [name for name in often if "phi_valid" not in name]
    assert any("phi_train" in name for name in trained)
    assert any("baseline.average" in name for name in trained)
    assert equal({name: often[name] for name in trained}, {name: seldom[name] for name in trained})


def test_the_best_checkpoint_is_the_one_with_the_highest_validation_bound(tmp_path: Path) -> None:
    train(tmp_path, "optimizer.learning_rate=0.03", "trainer.epochs=12")
    evaluated = {record["step"]: record["elbo/valid"] for record in records(tmp_path) if "elbo/valid" in record}
    best = state(tmp_path, "best")["progress"]
    assert best["step"] == max(evaluated, key=evaluated.__getitem__) == best["best_step"]
    assert best["best"] == max(evaluated.values())


def test_a_damaged_checkpoint_is_said_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    path.write_bytes(b"PK not a checkpoint")
    with pytest.raises(Exception, match=r"last\.pt cannot be read as a checkpoint"):
        load(path, torch.device("cpu"))
