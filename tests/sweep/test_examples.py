"""The shell examples in scripts: each runs as it is, with short runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runs import TINY

pytestmark = pytest.mark.slow

SCRIPTS = sorted((Path(__file__).parents[2] / "scripts").glob("sweep_*.sh"))
FEWER = {
    "sweep_strategies": ["strategy=amortized,joint"],
    "sweep_estimators": ["estimator=score,disarm"],
    "sweep_learning_rate": ["optimizer.learning_rate=1e-3,1e-2"],
    "sweep_race": ["strategy=amortized,joint", "hydra.sweeper.min_seeds=2", "hydra.sweeper.max_seeds=2"],
}


def test_each_is_tested() -> None:
    assert sorted(path.stem for path in SCRIPTS) == sorted(FEWER)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_an_example_runs(script: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    short = [word for word in TINY if "latent_dim" not in word]
    seed = [] if script.stem == "sweep_race" else ["seed=0"]  # a race chooses its seeds
    words = [*short, *seed, "model.latent_dim=2", "trainer.epochs=1", *FEWER[script.stem]]
    ran = subprocess.run(
        ["bash", script, *words],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    found = list((tmp_path / "runs").glob("*/*/summary.json"))
    assert len(found) == (2 if seed else 4)
    assert {json.loads(path.read_text())["status"] for path in found} == {"completed"}
