"""Schedules of the learning rate, skipped steps and averages of weights in whole runs."""

import math
import shutil
from pathlib import Path

import pytest
import torch

from tests.runs import equal, records, state, summary, train
from tests.trainer.test_resume import in_two_parts
from vaerun import cli
from vaerun.experiment.load import load

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # torch's own, while it compiles

GUARDED = ("optimizer.skip_norm=0.85", "optimizer.average_decay=0.9")
CASES = {
    "adamw": ("optimizer=adamw", "optimizer/schedule=cosine", *GUARDED),
    "adamax": ("optimizer=adamax", "optimizer/schedule=linear", "optimizer.schedule.epochs=2", *GUARDED),
    "sgd": ("optimizer=sgd", "optimizer/schedule=plateau", "optimizer.schedule.patience=0", *GUARDED),
    "torch": ("optimizer=torch", "optimizer/schedule=exponential", *GUARDED),
    "joint": ("strategy=joint", "strategy.test_steps=20", "optimizer/schedule=burda", *GUARDED),
    "compiled": ("execution.compile=true", "optimizer=adamax", "optimizer/schedule=cosine", *GUARDED),
}


@pytest.mark.parametrize("case", CASES)
def test_stopped_and_resumed_is_uninterrupted(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if case == "compiled" and shutil.which("g++") is None:
        pytest.skip("compiling takes a C++ compiler")
    words = ("execution.threads=1", *CASES[case])
    train(tmp_path / "whole", *words)
    in_two_parts(tmp_path / "parts", *words, monkeypatch=monkeypatch)
    for name in ("last", "best"):
        assert equal(state(tmp_path / "whole", name), state(tmp_path / "parts", name))
    assert records(tmp_path / "whole") == records(tmp_path / "parts")


def test_a_compiled_run_follows_the_schedule_and_skips_as_an_eager_one(tmp_path: Path) -> None:
    if shutil.which("g++") is None:
        pytest.skip("compiling takes a C++ compiler")
    found = []
    for compiled in ("false", "true"):
        words = (f"execution.compile={compiled}", "execution.threads=1", "optimizer/schedule=cosine", *GUARDED)
        train(tmp_path / compiled, *words)
        found.append(records(tmp_path / compiled))
    for eager, fast in zip(*found, strict=True):
        assert eager.keys() == fast.keys()
        assert [eager[key] for key in eager] == pytest.approx([fast[key] for key in eager], abs=2e-2, nan_ok=True)
    last = [record for record in found[0] if "skipped_steps/train" in record][-1]
    assert 0 < last["skipped_steps/train"] < last["step"]
    at = (last["step"] - 1) / last["step"]
    assert last["learning_rate_factor/train"] == pytest.approx((1 + math.cos(math.pi * at)) / 2, abs=1e-6)


def test_the_averages_are_tested_and_saved_beside_the_weights(tmp_path: Path) -> None:
    train(tmp_path / "plain")
    train(tmp_path / "average", "optimizer.average_decay=0.9")
    plain, average = (state(tmp_path / name)["tensors"] for name in ("plain", "average"))
    assert all(torch.equal(average[name], tensor) for name, tensor in plain.items())  # training is the same
    assert summary(tmp_path / "average")["metrics"]["elbo/test"] != summary(tmp_path / "plain")["metrics"]["elbo/test"]
    best = state(tmp_path / "average", "best")["tensors"]
    weights = load(tmp_path / "average").strategy.weights
    kept = [best[name] for name in best if name.startswith("weight_average.")]
    assert len(kept) == len(weights)
    assert all(torch.equal(weight, one) for weight, one in zip(weights, kept, strict=True))
    run = load(tmp_path / "average")
    result = run.evaluate("bound", num_samples=2)
    assert result.metrics["elbo/test"] == summary(tmp_path / "average")["metrics"]["elbo/test"]


def test_a_schedule_with_the_length_of_the_training_keeps_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(tmp_path, "optimizer/schedule=cosine")
    before = (tmp_path / "config.yaml").read_bytes()
    assert cli.dispatch(["train", f"resume={tmp_path}", "trainer.epochs=6"]) == 2
    assert "trainer.epochs must stay 3, got 6, because optimizer.schedule.epochs=null" in capsys.readouterr().err
    assert (tmp_path / "config.yaml").read_bytes() == before


def test_a_schedule_of_its_own_length_goes_on_as_if_the_run_had_been_longer(tmp_path: Path) -> None:
    words = ("optimizer/schedule=cosine", "optimizer.schedule.epochs=2.5", "optimizer.schedule.end=0.1")
    train(tmp_path / "long", *words, "trainer.epochs=5")
    train(tmp_path / "grown", *words)
    assert cli.dispatch(["train", f"resume={tmp_path / 'grown'}", "trainer.epochs=5"]) == 0
    assert equal(state(tmp_path / "long"), state(tmp_path / "grown"))
