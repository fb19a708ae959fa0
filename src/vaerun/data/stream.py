"""Random numbers that belong to one purpose: a generator of its own for every (seed, place)."""

import numpy as np
import torch

from vaerun.errors import UserError


def stream(name: str, seed: int, place: int = 0) -> torch.Generator:
    """A CPU generator that depends on ``(seed, place)`` alone: other draws, before or beside it, do not move it.

    Args:
        name: the key the seed was given by, for the message.
        seed: a whole number ≥ 0.
        place: which stream of that seed: an epoch, or the number of a split.

    Raises:
        UserError: the seed is no whole number ≥ 0.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise UserError(f"{name} must be a whole number of at least 0, got {seed}.")
    # SeedSequence mixes the two numbers, so (0, 1) and (1, 0) share nothing; torch takes 63 bits without a sign.
    (state,) = np.random.SeedSequence((seed, place)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state) >> 1)
