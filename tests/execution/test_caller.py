"""What a call of the Python interface leaves of torch's settings and random numbers: all of them."""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import vaerun
from tests.runs import TINY
from vaerun.errors import UserError
from vaerun.execution import matmul
from vaerun.execution.caller import settings_kept
from vaerun.experiment.run import Run
from vaerun.trainer.training import Training
from vaerun.trainer.watcher import Watcher

COORDINATE = ("strategy=coordinate", "strategy.max_steps=3", "strategy.test_steps=10")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    threads, precision = torch.get_num_threads(), matmul.permitted()
    yield
    torch.set_num_threads(threads)
    torch.set_default_dtype(torch.float32)
    torch.use_deterministic_algorithms(False)
    allow = matmul.permission()
    if allow is not None and precision is not None:
        allow(precision)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return vaerun.train(*TINY, *COORDINATE, directory=tmp_path_factory.mktemp("runs") / "a")


def found() -> tuple[Any, ...]:
    """The settings of torch that a run changes while it computes."""
    deterministic = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    return torch.get_default_dtype(), torch.get_num_threads(), matmul.permitted(), *deterministic


class Fails(Watcher):
    """Ends a training with an error, after the settings have been made."""

    def on_step(self, training: Training) -> None:
        raise UserError("it fails.")


def failed(folder: Path) -> None:
    with pytest.raises(UserError, match="it fails"):
        vaerun.train(*TINY, "execution.threads=1", directory=folder / "new", watchers=[Fails()])


CALLS: dict[str, Callable[[Run, Path], object]] = {
    "train": lambda run, folder: vaerun.train(*TINY, "execution.threads=1", directory=folder / "new"),
    "load": lambda run, folder: vaerun.load(run.directory),
    "evaluate": lambda run, folder: run.evaluate("gap", points=4, max_steps=3, temperatures=3),
    "failed": lambda run, folder: failed(folder),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_settings_and_random_numbers_of_the_caller_stay(
    call: Callable[[Run, Path], object], trained: Run, tmp_path: Path
) -> None:
    torch.set_num_threads(2)
    torch.set_default_dtype(torch.float64)
    torch.use_deterministic_algorithms(True, warn_only=True)
    settings, state = found(), torch.get_rng_state()
    call(trained, tmp_path)
    assert found() == settings
    assert torch.equal(torch.get_rng_state(), state)


def test_matrix_products_of_the_caller_are_as_exact_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if matmul.permission() is None:
        pytest.skip("this torch has no such setting")
    monkeypatch.setattr(matmul, "mkl_is_slow", lambda described: True)
    monkeypatch.setattr(matmul, "error_of_a_product", lambda: 0.0)
    allow, before = matmul.permission(), "none"
    assert allow is not None
    allow(before)
    run = vaerun.train(*TINY, directory=tmp_path / "run")
    assert run.machine.matmul_backend == "onednn"
    assert matmul.permitted() == before


@pytest.mark.parametrize("mode", ["float64", "inference"])
def test_the_callers_modes_do_not_change_a_run(mode: str, trained: Run, tmp_path: Path) -> None:
    x = trained.data.test.points()[:4]
    torch.manual_seed(0)
    usual = trained.infer(x).mean()  # an ascent with random numbers
    torch.set_default_dtype(torch.float64 if mode == "float64" else torch.float32)
    with torch.inference_mode(mode == "inference"):
        run = vaerun.train(*TINY, *COORDINATE, directory=tmp_path / "run")
        torch.manual_seed(0)
        again = vaerun.load(trained.directory).infer(x.clone()).mean()
        bound = run.evaluate("gap", points=4, max_steps=3, temperatures=3)
    assert run.summary["metrics"] == trained.summary["metrics"]
    assert torch.equal(again, usual)
    assert bound.metrics


def test_two_threads_train_one_after_the_other(trained: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    inside, leave, found = threading.Event(), threading.Event(), []

    def hold() -> None:
        with settings_kept():
            inside.set()
            leave.wait(60)

    def train() -> None:
        found.append(vaerun.train(*TINY, *COORDINATE, directory=tmp_path / "run"))

    holding, training = threading.Thread(target=hold), threading.Thread(target=train)
    holding.start()
    assert inside.wait(60)
    with caplog.at_level(logging.WARNING, "vaerun"):
        training.start()
        training.join(0.5)
    assert not (tmp_path / "run").exists()
    assert "another thread" in caplog.text
    leave.set()
    training.join(60)
    holding.join(60)
    assert found[0].summary["metrics"] == trained.summary["metrics"]


def test_a_run_is_found_after_the_current_folder_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = vaerun.train(*TINY, directory="run")
    (tmp_path / "elsewhere").mkdir()
    os.chdir(tmp_path / "elsewhere")
    assert run.summary["status"] == "completed"
    assert run.records
    assert run.evaluate("bound").metrics
