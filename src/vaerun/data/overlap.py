"""How many points of one split also occur in another."""

import numpy as np
from torch import Tensor

CHUNK = 4096


def shared_points(rows: Tensor, others: Tensor) -> int:
    """The number of rows [N, X] that also occur, bit for bit, in ``others`` [M, X]."""
    weights = np.random.default_rng(0).integers(1, 2**63, rows.shape[1], dtype=np.uint64) | np.uint64(1)
    return int(np.isin(_hashes(rows, weights), _hashes(others, weights)).sum())


def _hashes(rows: Tensor, weights: np.ndarray) -> np.ndarray:
    """Σ_j w_j x_nj modulo 2⁶⁴ of the bits of every row, uint64 [N]; unequal rows rarely have equal sums."""
    array = rows.numpy()
    bits = array if array.dtype == np.uint8 else array.view(np.uint32)
    starts = range(0, len(bits), CHUNK)
    return np.concatenate([bits[start : start + CHUNK].astype(np.uint64) @ weights for start in starts])
