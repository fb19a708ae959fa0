"""The size of the parts in which large operations are computed, which bounds memory."""

import torch
from torch import Tensor

NUMBERS = {"cpu": 2**19}  # decoder outputs per part: on a CPU, as many as fit into the cache of a core
MANY = 2**25  # on other devices


def numbers_at_once(device: torch.device) -> int:
    """The number of decoder outputs in one part."""
    return NUMBERS.get(device.type, MANY)


def rows_at_once(x: Tensor) -> int:
    """The number of decoder rows in one part, for points x, Float[Tensor, "B X"]; at least 1."""
    return max(1, numbers_at_once(x.device) // x.shape[1])


def keep_freed_memory() -> None:
    """Makes the C library keep freed memory for the next step instead of returning it to the system.

    glibc raises its limit to twice the size of the largest freed block, for blocks up to 32 MiB. Allocating and freeing
    one such block, without writing to it, is free of cost and makes evaluations a third faster.
    """
    torch.empty(31 * 2**20, dtype=torch.uint8)
