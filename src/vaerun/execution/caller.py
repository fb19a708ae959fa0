"""Settings of torch belong to the process that calls vaerun: a computation sets its own, and puts the others back."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from threading import RLock

import torch

from vaerun.execution.execution import Machine
from vaerun.execution.matmul import PRECISION, permission, permitted

logger = logging.getLogger("vaerun")

_ONE_AT_A_TIME = RLock()
"""Held while torch has the settings of a computation: threads of a process share them, and the random numbers, too."""


@contextmanager
def settings_kept(machine: Machine | None = None) -> Iterator[None]:
    """Inside, torch computes in float32, outside of inference mode; afterwards its settings are as they were.

    These are the default type, the number of threads, the library of matrix products, deterministic algorithms and the
    benchmarks of cuDNN. Another thread that comes here waits, because they would disturb each other's random numbers.

    Args:
        machine: the threads and the library to compute with; None leaves them to what runs inside.
    """
    with _alone():
        dtype, threads, library = torch.get_default_dtype(), torch.get_num_threads(), permitted()
        deterministic = torch.are_deterministic_algorithms_enabled()
        only_warns = torch.is_deterministic_algorithms_warn_only_enabled()
        benchmark = torch.backends.cudnn.benchmark
        torch.set_default_dtype(torch.float32)
        try:
            if machine is not None:
                torch.set_num_threads(machine.threads)
                _allow(PRECISION[machine.matmul_backend])
            with torch.inference_mode(False) if torch.is_inference_mode_enabled() else nullcontext():
                yield
        finally:
            torch.set_default_dtype(dtype)
            torch.set_num_threads(threads)
            _allow(library)
            if deterministic != torch.are_deterministic_algorithms_enabled():  # the call imports torch's compiler
                torch.use_deterministic_algorithms(deterministic, warn_only=only_warns)
            torch.backends.cudnn.benchmark = benchmark


@contextmanager
def random_numbers_kept() -> Iterator[None]:
    """Inside, seeds may be set; afterwards the caller's random numbers go on as if nothing had been drawn."""
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() and torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=devices):
        yield


@contextmanager
def _alone() -> Iterator[None]:
    if not _ONE_AT_A_TIME.acquire(blocking=False):
        logger.warning(
            "another thread of this process computes with vaerun: waiting for its end. Use processes, such as those of "
            "vaerun sweep, to compute at the same time."
        )
        _ONE_AT_A_TIME.acquire()
    try:
        yield
    finally:
        _ONE_AT_A_TIME.release()


def _allow(precision: str | None) -> None:
    allow = permission()
    if allow is not None and precision is not None and precision != permitted():
        allow(precision)
