"""The demonstrations of the lecture: every file of conf/experiment/lecture can be run, and docs/lecture.md has each."""

import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from tests.composition import composed
from vaerun.config.check import check
from vaerun.config.folders import roots

pytestmark = pytest.mark.slow

TOP = Path(__file__).parents[1]
CONF = TOP / "conf" / "experiment"
LECTURE = CONF / "lecture"
PAGE = (TOP / "docs" / "lecture.md").read_text()
NAMES = [path.relative_to(CONF).with_suffix("").as_posix() for path in sorted(LECTURE.glob("*.yaml"))]


def jobs(name: str) -> list[list[str]]:
    """The words of every job that ``vaerun train experiment=NAME`` starts."""
    params = OmegaConf.select(OmegaConf.load(CONF / f"{name}.yaml"), "hydra.sweeper.params") or {}
    choices = [[f"{key}={value}" for value in str(values).split(",")] for key, values in params.items()]
    return [[f"experiment={name}", *words] for words in itertools.product(*choices)]


def test_there_are_demonstrations() -> None:
    assert len([name for name in NAMES if name.startswith("lecture/")]) >= 6


@pytest.mark.parametrize("name", NAMES)
def test_an_experiment_says_what_to_see_and_is_a_sweep(name: str) -> None:
    first, second, *_ = (CONF / f"{name}.yaml").read_text().splitlines()
    assert first == "# @package _global_"
    assert second.startswith("# See: ")
    assert len(jobs(name)) > 1
    assert f"vaerun train experiment={name}\n" in PAGE


@pytest.mark.parametrize("name", NAMES)
def test_every_job_of_an_experiment_can_work(name: str) -> None:
    configs = []
    for words in jobs(name):
        cfg, choices = composed(words)
        check(cfg, choices, roots())
        configs.append(OmegaConf.to_yaml(cfg))
    assert len(set(configs)) == len(configs), "two jobs are the same run"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "place"), [(name, place) for name in NAMES for place in (0, -1)])
def test_a_job_takes_two_steps(seeded: None, name: str, place: int) -> None:
    from vaerun.data.loader import Loader
    from vaerun.experiment.build import build

    words = jobs(name)[place]
    short = ["strategy.phi_init.steps=5"] if name == "lecture/restarts" else []
    experiment = build(composed([*words, *short, "trainer.batch_size=20", "execution.threads=1"])[0])
    theta = [weight.detach().clone() for weight in experiment.strategy.theta]
    for batch in itertools.islice(Loader(experiment.data.train, batch_size=20, seed=0).epoch(0, 0), 2):
        estimate = experiment.strategy.step(batch)
        assert estimate.value.isfinite().all()
    assert any((now != before).any() for now, before in zip(experiment.strategy.theta, theta, strict=True))


@pytest.mark.slow
def test_a_sweep_of_an_experiment_runs_from_the_shell(tmp_path: Path) -> None:
    command = [Path(sys.executable).parent / "vaerun", "train", "experiment=lecture/gradients", "trainer.epochs=1"]
    short = ["evaluation.points=5", "evaluation.replicas=20", "evaluation.warm_up=1", "trainer.records.images_every=0"]
    ran = subprocess.run(
        [*command, *short, "hydra.sweep.dir=sweep"], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert len(list((tmp_path / "sweep").glob("*/summary.json"))) == len(jobs("lecture/gradients"))


def test_an_implicit_q_is_refused(tmp_path: Path) -> None:
    for name, text in re.findall(r"^```\w+\n# (\S+\.(?:py|yaml))\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    command = [Path(sys.executable).parent / "vaerun", "train", "posterior=generator", "trust=mylab"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 2
    assert ran.stderr.strip() in PAGE
    assert not (tmp_path / "runs").exists() or not any((tmp_path / "runs").rglob("*.yaml"))
