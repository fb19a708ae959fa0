"""(seed, place) ↦ generator: separate random numbers for each purpose."""

import numpy as np
import torch

from vaerun.errors import UserError


def stream(name: str, seed: int, place: int = 0) -> torch.Generator:
    """A CPU generator that depends only on ``(seed, place)``, and not on other random numbers.

    Args:
        name: the key of the seed, for the error message.
        seed: a whole number ≥ 0.
        place: the purpose: an epoch, or the number of a split.

    Raises:
        UserError: the seed is not a whole number ≥ 0.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise UserError(f"{name} must be a whole number of at least 0, got {seed}.")
    # SeedSequence mixes the two numbers, so (0, 1) and (1, 0) give unrelated generators; torch takes 63 bits.
    (state,) = np.random.SeedSequence((seed, place)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state) >> 1)
