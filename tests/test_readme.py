"""What the README tells its readers to do, done."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runs import TINY

pytestmark = pytest.mark.slow

README = (Path(__file__).parents[1] / "README.md").read_text()


def block(first_line: str) -> str:
    """The code block that begins with a comment naming a file."""
    found = re.search(rf"```\w*\n# {re.escape(first_line)}\n(.*?)```", README, re.DOTALL)
    assert found, first_line
    return found[1]


def test_an_estimator_of_ones_own_is_one_module_and_one_yaml(tmp_path: Path) -> None:
    for name in ("mylab/antithetic.py", "conf/estimator/antithetic.yaml"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(block(name))

    def vaerun(*words: str) -> subprocess.CompletedProcess[str]:
        command = [Path(sys.executable).parent / "vaerun", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)

    trained = vaerun("train", "estimator=antithetic", "trust=mylab", *TINY, "hydra.run.dir=run")
    assert trained.returncode == 0, trained.stderr
    summary = (tmp_path / "run" / "summary.json").read_text()
    assert '"decoder_evaluations": 7200' in summary  # 18 steps of 200 points, each noise used twice
    verified = vaerun("verify", "estimator=antithetic", "trust=mylab", "posterior=gaussian", "objective=elbo")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    listed = vaerun("list", "estimator").stdout
    assert re.search(r"antithetic\s.*?with posterior: [^\n]*gaussian", listed, re.DOTALL)
    refused = vaerun("train", "estimator=antithetic", "trust=mylab", "posterior=bernoulli")
    assert refused.returncode == 2
    assert "estimator=antithetic needs a reparameterized posterior" in refused.stderr


@pytest.mark.slow
def test_the_python_of_the_readme_runs(tmp_path: Path) -> None:
    found = re.search(r"```python\n(import vaerun\n.*?)```", README, re.DOTALL)
    assert found
    short = found[1].replace("trainer.epochs=20", "trainer.epochs=1").replace("points=100", "points=5")
    assert short != found[1]
    ran = subprocess.run([sys.executable, "-c", short], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "runs" / "a" / "summary.json").exists()


def test_every_choice_in_the_table_exists() -> None:
    conf = Path(__file__).parents[1] / "conf"
    for folder in ("model", "posterior", "objective", "estimator", "amortizer", "strategy"):
        for option in (conf / folder).glob("*.yaml"):
            assert f"`{option.stem}`" in README, option
