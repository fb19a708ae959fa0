"""How many rows pass through the decoder at once: memory stays bounded, matrix products stay large."""

from torch import Tensor

NUMBERS = {"cpu": 2**19}  # of the decoder's outputs: on a CPU as many as stay in a core's cache
MANY = 2**25  # where memory is as fast as arithmetic needs it


def rows_at_once(x: Tensor) -> int:
    """The rows that fit together, for points x, Float[Tensor, "B X"]; 1 or more."""
    return max(1, NUMBERS.get(x.device.type, MANY) // x.shape[1])
