"""A run with its data and Φ in mapped files has the results of one in memory, also after it was killed."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.runs import TINY, equal, records, state, train
from vaerun import cli

LARGE = ("model/likelihood=gaussian", "trainer.batch_size=40", "strategy.test_steps=3")
MAPPED = ("data.memory=map", "execution.phi_memory=map")
ORDERED = ("trainer.epochs=14", "trainer.records.every=1", "trainer.checkpoints.seconds=0")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    path = tmp_path_factory.mktemp("data") / "x.npy"
    np.save(path, np.random.default_rng(0).normal(size=(400, 6)))
    return ("data=arrays", f"data.path={path}")


@pytest.mark.parametrize("words", [("strategy=joint",), ("strategy=coordinate", "strategy.max_steps=3")])
def test_mapped_files_change_no_bit(tmp_path: Path, data: tuple[str, ...], words: tuple[str, ...]) -> None:
    train(tmp_path / "ram", *data, *LARGE, *words, "data.memory=read", "execution.phi_memory=ram")
    train(tmp_path / "map", *data, *LARGE, *words, *MAPPED)
    assert records(tmp_path / "map") == records(tmp_path / "ram")
    for name in ("last", "best"):
        found, expected = state(tmp_path / "map", name), state(tmp_path / "ram", name)
        assert equal(found["tensors"], expected["tensors"])
        assert "tables.phi_train.mean" in found["tensors"]


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_bit(tmp_path: Path, data: tuple[str, ...]) -> None:
    words = (*TINY, *data, *LARGE, *MAPPED, *ORDERED, "strategy=joint")
    train(tmp_path / "whole", *words)
    command = [sys.executable, "-m", "vaerun", "train", *words, f"hydra.run.dir={tmp_path / 'killed'}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lines = tmp_path / "killed" / "metrics.jsonl"
    until = time.monotonic() + 120
    while not (lines.exists() and lines.read_bytes().count(b"\n") > 40):
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert cli.dispatch(["train", f"resume={tmp_path / 'killed'}"]) == 0
    assert records(tmp_path / "killed") == records(tmp_path / "whole")
    assert equal(state(tmp_path / "killed")["tensors"], state(tmp_path / "whole")["tensors"])
