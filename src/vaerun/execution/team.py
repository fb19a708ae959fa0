"""Starts the processes of a run, or finds those that torchrun has started, and gives them work.

Process 0 is the one that the user has started: it reads the command line and writes all files. The others are
followers (``vaerun.execution.follower``). They wait for a function and its arguments, and call it at the same time as
process 0, so that both meet in the same exchanges.
"""

import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import torch

from vaerun.errors import DivergedError, Interrupted, RunError, UserError
from vaerun.execution import parallel
from vaerun.execution.parallel import LONG, LostProcessError, World

KINDS: dict[str, type[BaseException]] = {
    kind.__name__: kind for kind in (UserError, RunError, DivergedError, Interrupted)
}
ENVIRONMENT = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")  # what torchrun sets in every process
END = b"end"
POLL = 0.02  # seconds between two looks at the store
PATIENCE = 3.0  # seconds in which a process that has failed says why, or a stopped one ends


class Place(NamedTuple):
    """A store that all processes of a run can reach, and the number of this process."""

    store: Any
    rank: int
    size: int


class Team:
    """The other processes of a run, as process 0 sees them.

    Args:
        place: store and numbers.
        children: the processes that process 0 has started itself; empty under torchrun.
    """

    def __init__(self, place: Place, children: list[subprocess.Popen[bytes]]) -> None:
        self.place, self.children = place, children
        self.jobs = 0

    def post(self, message: bytes) -> None:
        """Gives the followers their next message."""
        self.place.store.set(f"job/{self.jobs}", message)
        self.jobs += 1

    def join(self, device: torch.device, function: Callable[..., object], *args: Any) -> ExitStack:
        """Followers call ``function(*args)``; inside the result, this process can exchange tensors with them."""
        self.post(pickle.dumps((function, args)))
        for r in range(1, self.place.size):
            while not self.place.store.check([f"ready/{self.jobs - 1}/{r}"]):
                if (error := self.failure()) is not None:
                    raise error
                time.sleep(POLL)
        stack = ExitStack()
        stack.enter_context(parallel.group(prefixed(self.place.store, self.jobs - 1), device))
        return stack

    def failure(self) -> BaseException | None:
        """The error of a follower that has failed; None if none has."""
        if self.place.store.check(["failure"]):
            told = json.loads(self.place.store.get("failure"))
            return KINDS.get(told["kind"], RunError)(f"{told['sentence']} (rank {told['rank']} of {self.place.size})")
        for r, child in enumerate(self.children, 1):
            if child.poll() is not None:
                return LostProcessError(f"rank {r} of {self.place.size} {ending(child.returncode)}")
        return None

    def reason(self) -> BaseException:
        """The error to raise where an exchange has failed: a follower's own, if it says one in time."""
        start = time.monotonic()
        while time.monotonic() - start < PATIENCE:
            error = self.failure()
            if error is not None:
                return error
            time.sleep(POLL)
        return parallel.no_reason()

    def close(self) -> None:
        """Ends the processes that this one has started; those of torchrun wait for their next job."""
        if not self.children:
            return
        with contextlib.suppress(RuntimeError):
            self.post(END)
        until = time.monotonic() + PATIENCE
        for end in (lambda child: None, subprocess.Popen.terminate, subprocess.Popen.kill):
            for child in self.children:
                if child.poll() is None:
                    end(child)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(max(0.1, until - time.monotonic()))
            until = time.monotonic() + 1.0


_torchrun: Team | None = None


def count(devices: int) -> int:
    """The number of processes of a run.

    Args:
        devices: what the configuration says; under torchrun 1 stands for all processes that it has started.

    Raises:
        UserError: torchrun has started another number.
    """
    started = int(os.environ["WORLD_SIZE"]) if under_torchrun() else 1
    if started > 1 and devices not in (1, started):
        raise UserError(
            f"execution.devices must be {started}, because torchrun has started {started} processes, got {devices}: "
            f"leave it out."
        )
    return max(started, devices)


@contextmanager
def leading(devices: int) -> Iterator[Team | None]:
    """Inside, this process is number 0 of ``devices``, and the team are the others; None if there are none.

    Args:
        devices: as ``count`` takes it.

    Raises:
        UserError: as ``count``.
    """
    processes = count(devices)
    if processes == 1:
        yield None
        return
    team = launched() if under_torchrun() else start(processes)
    here = int(os.environ.get("LOCAL_WORLD_SIZE", processes)) if under_torchrun() else processes
    try:
        with parallel.one_of(World(0, team.place.size, 0, here, team.reason)):  # type: ignore[arg-type]
            yield team
    finally:
        team.close()


def start(devices: int) -> Team:
    """Starts ``devices`` − 1 followers on this machine."""
    from torch.distributed import TCPStore

    store = TCPStore("127.0.0.1", 0, None, is_master=True, wait_for_workers=False, timeout=LONG)
    where = {"WORLD_SIZE": devices, "LOCAL_WORLD_SIZE": devices, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": store.port}
    environment = {**os.environ, **{name: str(value) for name, value in where.items()}}
    code = "import sys; from vaerun.execution.follower import main; sys.exit(main())"
    children = [
        subprocess.Popen(
            [sys.executable, *(["-P"] if sys.flags.safe_path else []), "-c", code],
            env={**environment, "RANK": str(r), "LOCAL_RANK": str(r), "VAERUN_FOLLOWER": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        for r in range(1, devices)
    ]
    return Team(Place(store, 0, devices), children)


def under_torchrun() -> bool:
    """Whether torchrun, or a launcher that sets the same variables, has started this process."""
    return all(name in os.environ for name in ENVIRONMENT) and "VAERUN_FOLLOWER" not in os.environ


def launched() -> Team:
    """The processes that torchrun has started."""
    global _torchrun
    if _torchrun is None:
        _torchrun = Team(connected(), [])
    return _torchrun


def release() -> None:
    """Tells the processes that torchrun has started that there is no more work."""
    if under_torchrun() and os.environ["WORLD_SIZE"] != "1":
        launched().post(END)


def connected() -> Place:
    """The store that the environment names."""
    from torch.distributed import TCPStore
    from torch.distributed.rendezvous import rendezvous

    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    if "VAERUN_FOLLOWER" in os.environ:
        where = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        return Place(TCPStore(*where, None, is_master=False, wait_for_workers=False, timeout=LONG), rank, size)
    store, rank, size = next(rendezvous("env://", rank, size, timeout=LONG))
    store.set_timeout(LONG)
    return Place(store, rank, size)


def prefixed(store: Any, job: int) -> Any:
    """The part of the store for the exchanges of one job."""
    from torch.distributed import PrefixStore

    return PrefixStore(f"group/{job}", store)


def ending(code: int) -> str:
    """How a process has ended, by its exit code."""
    if code < 0:
        return f"was killed by signal {-code} ({signal.Signals(-code).name})"
    return f"ended with exit code {code}"
