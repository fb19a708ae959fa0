"""n draws of p_θ(z) p_θ(x given z) in parts: the numbers of a draw depend on the seed and its place, not on n."""

from collections.abc import Iterator, Sequence
from typing import IO

import numpy as np
from torch import Tensor

from vaerun.data.npz_stream import header
from vaerun.encoding.encode import Part
from vaerun.execution.random_state import isolated
from vaerun.image.prior import PriorSamples
from vaerun.strategy.base import Strategy

BLOCK = 1024  # draws that share a seed; a block is drawn whole, and cut if fewer are needed


def draws(
    strategy: Strategy, n: int, *, seed: int, shape: Sequence[int], given: Tensor | None = None
) -> Iterator[Part]:
    """z ~ p(z), [B, D], mean = E[x given z] and x ~ p(x given z), [B, *shape], in parts of at most 1,024 draws.

    The first m of n draws are those of m draws with the same seed.

    Args:
        strategy: of a trained run.
        n: the number of draws.
        seed: of all random numbers.
        shape: of one point.
        given: what the model conditions on, the same for all draws, Float[Tensor, "1 C"]; None without a condition.
    """
    device = next(strategy.bound.model.parameters()).device
    for block in range(-(-n // BLOCK)):
        (state,) = np.random.SeedSequence((seed, block)).generate_state(1, np.uint64)
        with isolated(int(state) >> 1, device):
            c = None if given is None else given.to(device).expand(BLOCK, -1)
            part = PriorSamples.of(strategy, BLOCK, c).arrays(shape)
        yield {name: values[: n - block * BLOCK] for name, values in part.items()}


def write_npy(file: IO[bytes], parts: Iterator[Part], column: str, *, rows: int) -> None:
    """Writes one array of some parts as an npy file.

    Args:
        file: open for writing.
        parts: arrays [B, …] by name.
        column: the name of the array.
        rows: the sum of all B.
    """
    for number, part in enumerate(parts):
        if number == 0:
            file.write(header(part[column].dtype, (rows, *part[column].shape[1:])))
        file.write(part[column].tobytes())
