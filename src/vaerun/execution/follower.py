"""A process above 0 of a run: it waits for a function from process 0, and calls it at the same time."""

import contextlib
import itertools
import json
import logging
import os
import pickle
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from vaerun.errors import DivergedError, Interrupted, RunError, UserError
from vaerun.execution import parallel
from vaerun.execution.parallel import LostProcessError, World
from vaerun.execution.team import END, Place, connected, prefixed

_place: Place | None = None
_job = 0


def main() -> int:
    """Calls functions until process 0 has no more; returns the exit code."""
    global _place, _job
    # Process 0 decides what a signal means; the training handles them itself while it runs.
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    logging.disable()  # process 0 says everything
    warnings.simplefilter("ignore")
    if "" not in sys.path:
        sys.path.append("")  # the current folder, for a user's own classes
    _place = connected()
    here = int(os.environ.get("LOCAL_RANK", _place.rank)), int(os.environ.get("LOCAL_WORLD_SIZE", _place.size))
    for _job in itertools.count():
        try:
            message = _place.store.get(f"job/{_job}")
        except RuntimeError:
            return 1  # process 0 has ended
        if message == END:
            return 0
        function: Callable[..., object]
        function, args = pickle.loads(message)
        try:
            with parallel.one_of(World(_place.rank, _place.size, *here)):
                function(*args)
        except BaseException as error:
            return tell(_place, error)
    raise AssertionError


@contextmanager
def joined(device: torch.device) -> Iterator[None]:
    """Inside, this follower can exchange tensors with the other processes."""
    assert _place is not None
    _place.store.set(f"ready/{_job}/{_place.rank}", b"")
    with parallel.group(prefixed(_place.store, _job), device):
        yield


def tell(place: Place, error: BaseException) -> int:
    """Leaves the reason of a failure for process 0; returns the exit code."""
    if isinstance(error, LostProcessError):
        return 1
    kinds = (UserError, DivergedError, RunError, Interrupted)
    kind = next((one.__name__ for one in kinds if isinstance(error, one)), "RunError")
    text = " ".join(str(error).split())
    sentence = text if isinstance(error, kinds) else f"{type(error).__name__}: {text}"
    with contextlib.suppress(RuntimeError):  # process 0 may have ended
        place.store.set("failure", json.dumps({"rank": place.rank, "kind": kind, "sentence": sentence}))
    return 1
