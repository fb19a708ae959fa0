"""Functions that several processes call at the same time."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch

from vaerun.execution import follower, team

T = TypeVar("T")
CPU = torch.device("cpu")
SECONDS = 240  # no test waits longer for the other process, even on a busy machine


def together(function: Callable[..., T], *args: Any, devices: int = 2) -> T:
    """function(*args) by ``devices`` processes at the same time; the result of process 0."""
    with limited(), team.leading(devices) as others:
        assert others is not None
        with others.join(CPU, follow, function, args):
            return function(*args)


def follow(function: Callable[..., object], args: tuple[Any, ...]) -> None:
    """The part of the other processes."""
    with follower.joined(CPU):
        function(*args)


@contextmanager
def limited() -> Iterator[None]:
    """Raises TimeoutError after ``SECONDS``, so that a test that waits for ever fails."""

    def late(number: int, frame: object) -> None:
        raise TimeoutError(f"the processes have not ended after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
