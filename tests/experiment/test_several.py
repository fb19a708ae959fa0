"""A run of several processes: resumed by any number of them, ended by the failure of one, evaluated by all."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import vaerun
from tests.composition import composed
from tests.problems import options
from tests.runs import TINY, equal, records, state, summary, train
from tests.several import limited, together
from tests.trainer.test_resume import interrupt_at
from vaerun.errors import Interrupted, UserError
from vaerun.experiment.evaluate import devices_of
from vaerun.experiment.load import load
from vaerun.experiment.make import plain

TWO = "execution.devices=2"
JOINT = ("strategy=joint", "strategy.test_steps=20")
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2")


def stopped(folder: Path, *words: str) -> None:
    """A run that is stopped within an epoch."""
    with pytest.MonkeyPatch.context() as patch:
        interrupt_at(9, signal.SIGTERM, patch)
        with pytest.raises(Interrupted), limited():
            train(folder, *words)


def visited(folder: Path) -> int:
    """How many points of the training data have a φ of their own in the checkpoint."""
    return int(state(folder)["tensors"]["tables.phi_train.visited"].sum())


def test_the_number_of_processes_is_that_of_the_last_word() -> None:
    assert devices_of([]) == 1
    assert devices_of(["data.root=x", "execution.devices=2", "execution.devices=3"]) == 3
    assert devices_of(["execution.devices=zero"]) == 1  # load says what is wrong with it


def test_a_batch_is_divided_equally(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"multiple of the number of processes, 3, .* got 200: use .*batch_size=201\."):
        train(tmp_path, "execution.devices=3")
    assert summary(tmp_path)["status"] == "failed"


def test_each_process_needs_a_training_point(tmp_path: Path) -> None:
    points = np.random.default_rng(0).normal(size=(8, 3)).astype("f4")
    np.savez(tmp_path / "few.npz", train=points[:2], valid=points[2:5], test=points[5:])
    words = ("data=arrays", f"data.path={tmp_path / 'few.npz'}", "model/likelihood=gaussian", "trainer.batch_size=3")
    with pytest.raises(UserError, match=r"a training point for each of the 3 processes, got 2: use .*devices=1"):
        train(tmp_path / "run", *words, "execution.devices=3")
    assert summary(tmp_path / "run")["status"] == "failed"


@pytest.mark.slow
def test_a_run_of_two_processes_is_a_whole_run_and_resumes_to_the_bit(tmp_path: Path) -> None:
    words = (*JOINT, TWO, "data.binarize=static", "evaluation=marginal", "evaluation.num_samples=30")
    with limited():
        train(tmp_path / "whole", *words)
    stopped(tmp_path / "parts", *words)
    with limited():
        train(tmp_path / "parts", *words)
    assert equal(state(tmp_path / "whole"), state(tmp_path / "parts"))
    assert records(tmp_path / "whole") == records(tmp_path / "parts")
    alone = train(tmp_path / "alone", *words[:-3], "evaluation=marginal", "evaluation.num_samples=30", TWO[:-1] + "1")
    said = summary(tmp_path / "whole")
    assert said["devices"] == 2
    for same in ("steps", "epochs", "decoder_evaluations", "parameters"):
        assert said[same] == alone[same]
    saved, other = state(tmp_path / "whole")["tensors"], state(tmp_path / "alone")["tensors"]
    assert {name: tensor.shape for name, tensor in saved.items()} == {name: t.shape for name, t in other.items()}
    run = load(tmp_path / "whole")
    assert len(saved["tables.phi_train.phi"]) == len(run.data.train)
    error = 4 * math.hypot(said["metrics"]["elbo_se/valid"], alone["metrics"]["elbo_se/valid"])
    assert abs(said["metrics"]["elbo/valid"] - alone["metrics"]["elbo/valid"]) < error


@pytest.mark.slow
@pytest.mark.parametrize(("first", "then"), [(1, 2), (2, 1)])
def test_another_number_of_processes_goes_on_with_the_same_phi(first: int, then: int, tmp_path: Path) -> None:
    stopped(tmp_path, *JOINT, f"execution.devices={first}")
    before = state(tmp_path)["tensors"]
    seen = visited(tmp_path)
    with limited():
        said = train(tmp_path, *JOINT, f"execution.devices={then}")
    after = state(tmp_path)["tensors"]
    assert said["status"] == "completed"
    steps = [record["step"] for record in records(tmp_path)]
    assert steps[:-1] == sorted(set(steps[:-1]))  # every record once; the last is that of the test
    assert 0 < seen < visited(tmp_path)
    never = ~after["tables.phi_train.visited"]
    assert torch.equal(after["tables.phi_train.phi"][never], before["tables.phi_train.phi"][never])
    assert said["decoder_evaluations"] == said["steps"] * 200


def evaluations(folder: Path) -> dict[str, Any]:
    """Values per point and metrics of every evaluation, of a run with few values of z, so that log p(x) is known."""
    words = {
        "bound": (),
        "marginal": ("evaluation.num_samples=50",),
        "ais": ("evaluation.points=7", "evaluation.temperatures=20", "evaluation.simulate=true"),
        "gap": ("evaluation.points=9", "evaluation.max_steps=100", "evaluation.num_samples=50"),
        "cross": ("evaluation.points=5", "evaluation.encoder_epochs=1", "evaluation.max_steps=40"),
        "latent": ("evaluation.points=20",),
        "predictive": ("evaluation.points=40", "evaluation.num_samples=20"),
        "calibration": ("evaluation.points=40", "evaluation.num_samples=20"),
        "gradient": ("evaluation.points=6", "evaluation.replicas=40"),  # of training points, whose φ are in Φ
    }
    assert set(words) == set(options("evaluation"))
    found = {}
    for name, some in words.items():
        node = plain(composed([f"evaluation={name}", *some])[0].evaluation)
        found[name] = load(folder).evaluate(node)._replace(pictures={}, declared={})
    return found


@pytest.mark.slow
def test_every_evaluation_has_the_same_points_in_the_same_order(tmp_path: Path) -> None:
    train(tmp_path, *JOINT, "posterior=bernoulli", "estimator=disarm", "trainer.validation.points=10")
    alone, by_two = evaluations(tmp_path), together(evaluations, tmp_path)
    for name, one in alone.items():
        two = by_two[name]
        assert one.metrics.keys() == two.metrics.keys()
        assert {key: len(values) for key, values in one.points.items()} == {k: len(v) for k, v in two.points.items()}
        assert one.num_points == two.num_points
    exact = [found["gap"].points["log_marginal"] for found in (alone, by_two)]
    torch.testing.assert_close(*exact)  # log p(x) without noise, point by point
    assert len(set(exact[0].tolist())) == 9
    for key, name in (("bound", "elbo/test"), ("marginal", "iwae_50/test"), ("cross", "elbo_coordinate/test")):
        tag = name.replace("/", "_se/")
        error = 4 * math.hypot(alone[key].metrics[tag], by_two[key].metrics[tag])
        assert abs(alone[key].metrics[name] - by_two[key].metrics[name]) < error


SCRIPT = """
import os, sys
from pathlib import Path
import vaerun
from tests.problems import options
from tests.runs import train
from vaerun.execution import follower, team
if os.environ["RANK"] != "0":
    sys.exit(follower.main())
for name in options("strategy"):
    keys = ("strategy.test_steps=10",) if name in ("joint", "coordinate", "semi_amortized") else ()
    train(Path(sys.argv[1], name), f"strategy={name}", "trainer.epochs=1", "trainer.validation.points=20", *keys)
team.release()
"""


@pytest.mark.slow
def test_every_strategy_trains_under_torchrun(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    runs = tmp_path / "runs"
    subprocess.run([*TORCHRUN, script, runs], env=environment, check=True, timeout=300, capture_output=True)
    assert sorted(path.name for path in runs.iterdir()) == options("strategy")
    for name in options("strategy"):
        said = summary(runs / name)
        assert said["status"] == "completed"
        assert said["devices"] == 2
        assert math.isfinite(said["metrics"]["elbo/test"])


@pytest.mark.slow
def test_the_command_line_under_torchrun(tmp_path: Path) -> None:
    words = [*TINY, "strategy=amortized", f"hydra.run.dir={tmp_path / 'a'}"]
    command = [*TORCHRUN, "-m", "vaerun", "train", *words]
    ran = subprocess.run(command, cwd=tmp_path, check=True, timeout=300, capture_output=True, text=True)
    assert ran.stderr.count("elbo/test") == 1  # process 0 alone says something
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    again = subprocess.run(command, cwd=tmp_path, check=True, timeout=300, capture_output=True, text=True)
    assert "is already finished" in again.stderr  # and the other process does not wait for ever


@pytest.mark.slow
def test_after_sigkill_of_process_0_the_summary_says_so(tmp_path: Path) -> None:
    words = [*TINY, "trainer.epochs=100000", "trainer.validation.every=1000", TWO, f"hydra.run.dir={tmp_path / 'a'}"]
    with (
        limited(),
        subprocess.Popen([sys.executable, "-m", "vaerun", "train", *words], stderr=subprocess.DEVNULL) as run,
    ):
        written = tmp_path / "a" / "metrics.jsonl"
        while not (written.exists() and written.stat().st_size > 0):
            time.sleep(0.1)
        run.kill()
        said: dict[str, Any] = {"status": "running"}
        while said["status"] == "running":
            time.sleep(0.1)
            said = json.loads((tmp_path / "a" / "summary.json").read_text())
    assert said["status"] == "failed"
    assert said["reason"] == "rank 0 of 2 has ended without a message; it may have been killed"


@pytest.mark.slow
def test_a_damaged_checkpoint_is_mended_once_and_all_processes_read_the_same_file(tmp_path: Path) -> None:
    with limited():
        train(tmp_path / "whole", TWO)
    stopped(tmp_path / "run", TWO)
    (tmp_path / "run/checkpoints/last.pt").write_bytes(b"damaged")
    with limited():
        train(tmp_path / "run", TWO)
    for name in ("last", "best"):
        assert equal(state(tmp_path / "run", name)["tensors"], state(tmp_path / "whole", name)["tensors"])
    assert sorted(path.name for path in (tmp_path / "run/checkpoints").glob("*damaged*")) == ["last.damaged.pt"]


def test_the_other_processes_trust_what_the_first_one_trusts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mylab").mkdir()
    (tmp_path / "mylab/__init__.py").touch()
    (tmp_path / "mylab/own.py").write_text(
        "from vaerun.strategy.amortized import Amortized\n\n\nclass Own(Amortized):\n    pass\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VAERUN_TRUST", raising=False)
    words = ("trainer.epochs=1", "amortizer.hidden=[8]", "model.decoder.hidden=[8]", "strategy._target_=mylab.own.Own")
    with limited():
        run = vaerun.train(*words, TWO, directory=tmp_path / "run", trust="mylab")
    assert run.summary["devices"] == 2
