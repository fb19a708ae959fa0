"""Searches from the shell, with real runs: a study in sqlite that is interrupted and continued, and its best trial."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.runs import TINY
from vaerun.config import hydra
from vaerun.config.yaml_file import load_plain

WORDS = (
    *TINY,
    "hydra/sweeper=optuna",
    "hydra.launcher.n_jobs=2",
    "optimizer.learning_rate=tag(log,interval(1e-4,1e-2))",
    "strategy=amortized,joint",
    "hydra.sweep.dir=s",
)


def command(*words: str) -> list[str]:
    """The command line of a sweep."""
    return [sys.executable, "-m", "vaerun", "sweep", *words]


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A whole sweep."""
    return subprocess.run(command(*words), cwd=folder, capture_output=True, text=True, timeout=240)


def record(folder: Path) -> dict[str, Any]:
    """search.json."""
    content: dict[str, Any] = json.loads((folder / "s" / "search.json").read_text())
    return content


@pytest.mark.slow
def test_an_interrupted_search_is_continued_and_its_best_trial_is_an_experiment(tmp_path: Path) -> None:
    words = [*WORDS, "hydra.sweeper.n_trials=4", "trainer.epochs=300", "trainer.max_seconds=2"]
    with subprocess.Popen(command(*words), cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        for _ in range(1200):
            if len(list(tmp_path.glob("s/*/metrics.jsonl"))) >= 2 or process.poll() is not None:
                break
            time.sleep(0.05)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 130, said
    assert "continue with: " in said
    assert "vaerun sweep s" in said
    before = record(tmp_path)["trials"]
    assert {"unfinished"} <= {trial["state"] for trial in before}

    again = run(tmp_path, "s")
    assert again.returncode == 0, again.stderr
    found = record(tmp_path)
    assert len(found["trials"]) == 4
    assert {trial["state"] for trial in found["trials"]} == {"completed"}
    for old, new in zip(before, found["trials"], strict=False):
        assert (old["params"], old["directory"]) == (new["params"], new["directory"])

    wider = run(tmp_path, "s", "hydra.sweeper.n_trials=5")
    assert wider.returncode == 0, wider.stderr
    assert wider.stderr.count(" started\n") == 1
    found = record(tmp_path)
    assert len(found["trials"]) == 5
    best = max(found["trials"], key=lambda trial: trial["values"] or [float("-inf")])
    assert found["pareto"] == [best["number"]]
    assert f"Trial {best['number']} has the best elbo/valid" in wider.stdout
    made, _ = hydra.compose([f"hydra.searchpath=[file://{tmp_path}/s/conf]", "experiment=best"])
    run_config = load_plain(tmp_path / "s" / best["directory"] / "config.yaml")
    assert {**made, "choices": 0, "resume": 0} == {**run_config, "choices": 0, "resume": 0}


@pytest.mark.slow
def test_trials_that_diverge_have_failed_and_the_search_has_not(tmp_path: Path) -> None:
    words = [word for word in WORDS if not word.startswith("optimizer.")]
    ran = run(tmp_path, *words, "optimizer.learning_rate=1e12,1e-3", "hydra.sweeper.n_trials=6")
    assert ran.returncode == 0, ran.stderr
    found = record(tmp_path)
    for trial in found["trials"]:
        diverged = float(trial["params"]["optimizer.learning_rate"]) > 1
        assert (trial["state"] == "failed") == diverged or trial["state"] == "pruned"
        assert bool(trial["reason"]) == (trial["state"] == "failed")
    assert {trial["state"] for trial in found["trials"]} >= {"failed", "completed"}


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("strategy=joint,amortised", "Did you mean 'amortized'"),
        ("optimizer.learning_rat=interval(0,1)", "Did you mean 'optimizer.learning_rate'"),
        ("optimizer.learning_rate=interval(1,0)", "first number below"),
        ("hydra.sweeper.n_trials=x", "must be an integer"),
        ("hydra.sweeper.sampler=x", "tpe, random"),
        ("hydra.sweeper.pruner=x", "median"),
    ],
)
def test_a_search_that_cannot_start_leaves_nothing(word: str, sentence: str, tmp_path: Path) -> None:
    ran = run(tmp_path, "hydra/sweeper=optuna", "seed=1,2", "hydra.sweep.dir=s", word)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert sentence in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert not (tmp_path / "s").exists()


def test_an_interval_needs_a_search(tmp_path: Path) -> None:
    ran = run(tmp_path, "optimizer.learning_rate=interval(0,1)", "hydra.sweep.dir=s")
    assert ran.returncode == 2
    assert "add hydra/sweeper=optuna" in ran.stderr
