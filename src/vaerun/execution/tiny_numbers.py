"""Numbers below the smallest normal one are 0 while a run computes: some processors are slow with them."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

TINY = 1e-40  # below the smallest normal number of float32, 1.2e-38


@contextmanager
def tiny_numbers_are_zero() -> Iterator[None]:
    """Inside, results below 1.2e-38 in float32 (2.2e-308 in float64) are 0 in this thread; afterwards as before.

    Importance weights of many samples are so small that some gradients are such numbers. Intel's processors are slow
    with them: a step of ``objective=iwae`` took five times as long. On a processor without this mode nothing changes.
    """
    before = are_zero()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def are_zero() -> bool:
    """Whether such numbers are 0 in this thread."""
    return float(torch.tensor([TINY], dtype=torch.float32, device="cpu").mul(1.0)) == 0
