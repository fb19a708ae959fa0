"""A race from the shell, with real runs, and what it refuses."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from tests.runs import TINY, summary
from vaerun.errors import UserError
from vaerun.search.racing import Racing


def race(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """``vaerun sweep`` with these words."""
    command = [sys.executable, "-m", "vaerun", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=200)


def written(folder: Path) -> dict[str, Any]:
    """race.json."""
    found: dict[str, Any] = json.loads((folder / "s" / "race.json").read_text())
    return found


@pytest.mark.slow
def test_an_open_race_is_widened_and_then_has_an_answer_that_compare_shows(tmp_path: Path) -> None:
    """A learning rate of 1e-7 learns nothing. With so small an α, three seeds never suffice."""
    words = ("hydra/sweeper=racing", *TINY, "optimizer.learning_rate=1e-7,1e-2", "hydra.sweep.dir=s")
    ran = race(tmp_path, "sweep", *words, "hydra.sweeper.max_seeds=3", "hydra.sweeper.alpha=1e-12")
    assert ran.returncode == 0, ran.stderr
    answer = written(tmp_path)["answer"]
    assert answer.startswith("It is open which of optimizer.learning_rate=1e-07 and optimizer.learning_rate=0.01 is")
    assert answer.endswith("The race used 6 runs; 3 seeds of each configuration are 6 runs.")
    text = " ".join(ran.stdout.split())
    assert text.endswith(f"More seeds: vaerun sweep {tmp_path / 's'} hydra.sweeper.max_seeds=6")
    assert "*" not in text
    again = race(tmp_path, "sweep", "s", "hydra.sweeper.max_seeds=6", "hydra.sweeper.alpha=0.05")
    assert again.returncode == 0, again.stderr
    assert "race: optimizer.learning_rate=1e-07 is worse than optimizer.learning_rate=0.01, and dropped" in again.stderr
    answer = written(tmp_path)["answer"]
    assert answer.startswith("optimizer.learning_rate=0.01 is better than optimizer.learning_rate=1e-07: elbo/valid")
    runs = [summary(path.parent) for path in (tmp_path / "s").glob("*/summary.json")]
    assert 6 <= len(runs) < 12
    assert f"The race used {len(runs)} runs; 6 seeds of each configuration are 12 runs." in answer
    compared = race(tmp_path, "compare", "s")
    assert compared.stdout == again.stdout
    assert " ".join(compared.stdout.split()).endswith(answer)


def test_what_is_typed_wrongly_is_one_sentence() -> None:
    def read(*words: str, **options: Any) -> int:
        return Racing(**options).read(OverridesParser.create().parse_overrides(list(words)), lambda words: None)  # type: ignore[arg-type, return-value]

    assert read("strategy=amortized,joint", "model.latent_dim=2,3", "trainer.epochs=1", max_seeds=7) == 28
    for words, said in [
        (("strategy=amortized,joint", "seed=0,1"), "chooses the seeds itself"),
        (("strategy=amortized",), "needs two configurations or more"),
        (("strategy=joint,joint",), "a value was given twice"),
        (("optimizer.learning_rate=interval(0,1)",), "values that can be listed"),
    ]:
        with pytest.raises(UserError, match=said):
            read(*words)
    for options, said in [
        ({"min_seeds": 1}, "min_seeds must be at least 2"),
        ({"max_seeds": 2}, "max_seeds must be at least 3"),
        ({"max_seeds": "many"}, "max_seeds must be a whole number, got 'many'"),
        ({"alpha": 0}, "alpha must be > 0"),
        ({"alpha": 1}, "alpha must be at least 0 and below 1"),
        ({"margin": -1}, "margin must be at least 0"),
        ({"objective": "elbo/test"}, "hydra.sweeper.objective has elbo/test"),
        ({"objective": "elbow/valid"}, "hydra.sweeper.objective has elbow/valid"),
    ]:
        with pytest.raises(UserError, match=said):
            Racing(**options)  # type: ignore[arg-type]
