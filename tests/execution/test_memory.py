"""Which freed memory a process keeps for its next step, and that it gives it back."""

import ctypes
import multiprocessing
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.runs import TINY
from vaerun.config.hydra import compose
from vaerun.execution.memory import large_blocks_kept
from vaerun.experiment import needs
from vaerun.experiment.build import build

SIZE = 2**28  # bytes, much more than the blocks that glibc keeps by itself
PAGES = SIZE // resource.getpagesize()
ROUNDS = 12

glibc = pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="needs glibc")


def faults() -> int:
    """Page faults of writing to a large block, as often as ROUNDS says."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(ROUNDS):
        torch.empty(SIZE, dtype=torch.uint8).fill_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def resident() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def kept(queue: "multiprocessing.Queue[tuple[int, int, int]]") -> None:
    torch.empty(2**20, dtype=torch.uint8).fill_(1)  # what libraries make at their first use stays
    library = ctypes.CDLL(None)
    for size in range(24, 169, 16):
        for _ in range(100):
            library.malloc(size)  # no small piece is free, as in a process that has just started
    with large_blocks_kept():
        within = faults()
        held = resident()
    queue.put((within, held, resident()))


def elsewhere(function: Callable[..., None]) -> tuple[int, int, int]:
    """What a function finds in a new process: settings and earlier blocks are of a whole process."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=function, args=(queue,))
    process.start()
    found = queue.get(timeout=60)
    process.join()
    return found


@glibc
def test_a_large_block_is_used_again_and_given_back_at_the_end() -> None:
    """Two or three blocks are taken, for alignment. Where pages are huge, faults are fewer still."""
    within, held, after = elsewhere(kept)
    assert within < 3.5 * PAGES
    assert held - after > 0.9 * SIZE


@pytest.mark.parametrize(("free", "roomy"), [(10**13, True), (1.5, False)])
def test_a_run_takes_more_than_it_needs_only_where_there_is_twice_as_much(
    free: float, roomy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = needs.estimated(build(compose(TINY)[0]))
    bytes_free = free if free > 2 else free * sum(needed.memory.values())
    monkeypatch.setattr(needs, "available", lambda device: bytes_free)
    assert needs.is_roomy(needed, torch.device("cpu")) == roomy
    assert not needs.is_roomy(needed, torch.device("cuda"))
