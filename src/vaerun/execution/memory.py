"""The size of the parts in which large operations are computed, and which freed memory a process keeps."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

NUMBERS = {"cpu": 2**19}  # decoder outputs per part: on a CPU, as many as fit into the cache of a core
MANY = 2**25  # on other devices
BLOCK = 31 * 2**20  # bytes: glibc keeps blocks of up to 32 MiB
TRIM, MMAP_MAX = -1, -4  # parameters of glibc's mallopt
USUAL_MMAP_MAX = 65_536
LARGEST = 2**31 - 1
REMAINDERS = range(24, 169, 16)  # bytes: what aligning a block to 64 bytes leaves over before and after it
PER_SIZE = 14  # glibc sets 7 freed pieces of one size aside for each thread; 7 more replace those that are used


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
    torch.empty(BLOCK, dtype=torch.uint8)


def fill_thread_cache(library: ctypes.CDLL) -> None:
    """Makes the C library join what is left over beside a large block with that block, once both are free.

    glibc (2.36) sets the first 7 such pieces of each size aside for the next small request. Each of them makes the
    freed block a few bytes too small for the next large one, so that 8 blocks are taken in place of 2.
    """
    library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    library.free.restype, library.free.argtypes = None, [ctypes.c_void_p]
    pieces = [library.malloc(size) for size in REMAINDERS for _ in range(PER_SIZE)]
    for piece in pieces:
        library.free(piece)


@contextmanager
def large_blocks_kept() -> Iterator[None]:
    """Makes the C library keep freed blocks of any size, too, and gives them back afterwards.

    glibc otherwise asks the system for every larger block anew, and the system fills it with zeros, page by page. That
    takes a quarter of a step with layers of 4,096 units, and two fifths with 100,000 samples of z. The price is memory,
    because free blocks of the wrong size lie between those in use: up to 1.6 times as much. Without glibc, nothing
    changes.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt") or not hasattr(library, "malloc_trim"):
        yield
        return
    keep_freed_memory()  # glibc does not move this limit any more once another one is set
    library.mallopt(MMAP_MAX, 0)
    library.mallopt(TRIM, LARGEST)
    fill_thread_cache(library)
    try:
        yield
    finally:
        library.mallopt(MMAP_MAX, USUAL_MMAP_MAX)
        library.mallopt(TRIM, 2 * BLOCK)
        library.malloc_trim(0)
