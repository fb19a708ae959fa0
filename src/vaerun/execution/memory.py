"""How much is computed at once: memory stays bounded, operations stay large."""

import torch
from torch import Tensor

NUMBERS = {"cpu": 2**19}  # of the decoder's outputs: on a CPU as many as stay in a core's cache
MANY = 2**25  # where memory is as fast as arithmetic needs it


def numbers_at_once(device: torch.device) -> int:
    """The decoder's outputs that fit together."""
    return NUMBERS.get(device.type, MANY)


def rows_at_once(x: Tensor) -> int:
    """The rows that fit together, for points x, Float[Tensor, "B X"]; 1 or more."""
    return max(1, numbers_at_once(x.device) // x.shape[1])


def keep_freed_memory() -> None:
    """Has the C library keep what is freed for the next step, where it would hand the pages back and fault them in.

    glibc keeps less than twice the largest block that it has seen freed, up to blocks of 32 MiB. One that is never
    written to costs nothing, and spares a third of an evaluation's time.
    """
    torch.empty(31 * 2**20, dtype=torch.uint8)
