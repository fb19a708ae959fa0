"""The installed command, as a stranger uses it: train, kill, resume, evaluate, sample, and a real TensorBoard."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.runs import TINY, equal, records, state, summary

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent
RUN = [*TINY, "trainer.epochs=30", "trainer.checkpoints.seconds=0", "trainer.records.images_every=10", "strategy=joint"]
RUN += ["strategy.test_steps=20", "trainer.validation.every=1"]


def vaerun(*words: str, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Runs the command and checks its exit code."""
    done = subprocess.run([BIN / "vaerun", *words], cwd=cwd, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one run that was left alone, and one that was killed and went on."""
    folder = tmp_path_factory.mktemp("stranger")
    vaerun("train", *RUN, "hydra.run.dir=runs/whole", cwd=folder)
    killed = subprocess.Popen(
        [BIN / "vaerun", "train", *RUN, "hydra.run.dir=runs/killed"], cwd=folder, stderr=subprocess.DEVNULL
    )
    kill_at(killed, folder / "runs" / "killed" / "metrics.jsonl", lines=20)
    assert summary(folder / "runs" / "killed")["status"] == "running"
    assert state(folder / "runs" / "killed")["progress"]["step"] < 180
    vaerun("train", "resume=runs/killed", cwd=folder)
    return folder


def kill_at(process: subprocess.Popen[bytes], file: Path, lines: int) -> None:
    """SIGKILL as soon as the file has so many lines."""
    deadline = time.monotonic() + 60
    while not file.exists() or file.read_bytes().count(b"\n") < lines:
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_killed_and_resumed_is_uninterrupted(place: Path) -> None:
    whole, killed = place / "runs" / "whole", place / "runs" / "killed"
    assert summary(killed)["status"] == "completed"
    for name in ("last", "best"):
        assert equal(state(whole, name), state(killed, name))
    assert records(whole) == records(killed)


def test_a_run_can_be_started_again_from_its_config(place: Path) -> None:
    again = ("--config-path", str(place / "runs" / "whole"), "--config-name", "config")
    vaerun("train", *again, "hydra.run.dir=runs/again", cwd=place)
    assert equal(state(place / "runs" / "whole"), state(place / "runs" / "again"))


def test_eval_repeats_the_figures_of_the_summary(place: Path) -> None:
    done = vaerun("eval", "runs/whole", "evaluation.num_samples=2", "--json", cwd=place)
    (result,) = json.loads(done.stdout)
    reported = summary(place / "runs" / "whole")["metrics"]
    assert result["metrics"]
    assert result["metrics"] == {tag: reported[tag] for tag in result["metrics"]}
    valid = vaerun("eval", "runs/whole", "evaluation.split=valid", "--checkpoint", "last", cwd=place).stdout
    assert "elbo/valid" in valid
    assert "last.pt, step 180" in valid


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["eval"], "needs a run"),
        (["eval", "absent"], "does not exist"),
        (["eval", "runs/whole", "--checkpoint", "lost"], "Did you mean 'last'"),
        (["eval", "runs/whole", "objective=iwae"], "the run keeps the value that it was trained with"),
        (["eval", "runs/whole", "evaluation.num_sample=2"], "num_samples"),
        (["sample", "runs/whole", "--n", "none"], "whole number"),
    ],
)
def test_a_users_error_is_one_sentence(place: Path, words: list[str], sentence: str) -> None:
    done = vaerun(*words, cwd=place, code=2)
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_sample_draws_pictures_and_numbers(place: Path) -> None:
    vaerun("sample", "runs/whole", "--n", "16", "--latents=3", cwd=place)
    folder = place / "runs" / "whole" / "samples"
    with np.load(folder / "prior.npz") as drawn:
        assert drawn["x"].shape == drawn["mean"].shape == (16, 8, 8)
        assert drawn["z"].shape == (16, 3)
        assert set(np.unique(drawn["x"])) == {0.0, 1.0}
        assert 0 < drawn["mean"].min() < drawn["mean"].max() < 1
    for name in ("prior", "reconstructions", "traversal"):
        with Image.open(folder / f"{name}.png") as picture:
            assert picture.size[0] > 200


@pytest.fixture(scope="module")
def board(place: Path) -> Iterator[str]:
    """The address of a TensorBoard over the runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [BIN / "tensorboard", "--logdir", "runs", "--host", "127.0.0.1", "--port", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(words, cwd=place, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}, **quiet)
    yield f"http://127.0.0.1:{port}/data/plugin"
    server.terminate()
    server.wait()


def ask(url: str, body: dict[str, Any] | None = None) -> Any:
    """What TensorBoard answers, once it has read the runs."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                if found := json.load(answer):
                    return found
        except OSError:
            pass
        assert time.monotonic() < deadline, url
        time.sleep(0.2)


def test_tensorboard_shows_one_curve_per_run(place: Path, board: str) -> None:
    assert {"whole", "killed"} <= ask(f"{board}/scalars/tags").keys()
    for run in ("whole", "killed"):
        for tag in ("elbo/train", "elbo/valid"):
            curve = ask(f"{board}/scalars/scalars?{urllib.parse.urlencode({'run': run, 'tag': tag})}")
            written = [(r["step"], r[tag]) for r in records(place / "runs" / run) if tag in r]
            assert len(curve) > 10
            assert [(step, pytest.approx(value)) for _, step, value in curve] == written
    images = ask(f"{board}/images/tags")
    assert {"samples/prior", "reconstructions/valid"} <= images["killed"].keys()


def test_the_hparams_tab_has_one_row_per_run(place: Path, board: str) -> None:
    body = {"experimentName": "", "allowedStatuses": ["STATUS_SUCCESS", "STATUS_UNKNOWN"], "colParams": []}
    body |= {"startIndex": 0, "sliceSize": 100}
    groups = ask(f"{board}/hparams/session_groups", body)["sessionGroups"]
    rows = {group["name"]: group for group in groups}
    assert {"whole", "killed"} <= rows.keys()
    assert all(len(group["sessions"]) == 1 for group in groups)
    assert rows["killed"]["hparams"]["strategy"] == "joint"
