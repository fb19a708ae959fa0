"""K samples at some points, in chunks that bound memory."""

from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor

from vaerun.execution.memory import rows_at_once

TOGETHER = 32  # points whose samples share a chunk


class Chunk(NamedTuple):
    """Some of the K samples of at most ``TOGETHER`` points."""

    size: int  # samples of each point
    calls: int  # how many chunks of the evaluation have this shape


def chunks(x: Tensor, num_samples: int, points: int) -> Iterator[Chunk]:
    """The K samples of the points x, Float[Tensor, "B X"], in chunks.

    The last chunk of the samples, and all chunks of the last points, may have another shape than the rest.

    Args:
        x: some of the points, at most ``TOGETHER``.
        num_samples: K.
        points: how many points the evaluation has in all; 0 if x are all of them.
    """
    together = max(1, rows_at_once(x) // len(x))
    whole = points // TOGETHER * (num_samples // together) if len(x) == TOGETHER else 1
    for done in range(0, num_samples, together):
        size = min(together, num_samples - done)
        yield Chunk(size, whole if size == together else 1)
