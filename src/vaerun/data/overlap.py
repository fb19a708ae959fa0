"""How many points of one split also occur in another."""

from collections.abc import Iterator

import numpy as np

from vaerun.data.mapped import Rows, in_any_order

CHUNK = 4096


def overlap_warnings(train: Rows, *, remedy: str, **others: Rows) -> Iterator[str]:
    """A sentence for each held-out split whose rows [M, X] occur among the training rows [N, X], too.

    Args:
        train: the training rows.
        remedy: the last part of the sentence.
        others: the rows of valid and test, by name.
    """
    for name, rows in others.items():
        if count := shared_points(rows, train):
            yield (
                f"{count:,} of the {len(rows):,} {name} points also {'occurs' if count == 1 else 'occur'} in train, so "
                f"metrics on {name} do not show how well the model generalises: {remedy}."
            )


def may_coincide(train: Rows) -> bool:
    """Whether N different points have equal rows by necessity: the values of the columns have at most N combinations.

    This is so in tables of a few categories; equal rows there are no copies of one point.
    """
    combinations = 1
    for j in range(train.shape[1]):
        values = np.unique(np.concatenate([piece[:, j].numpy() for piece in in_any_order(train, CHUNK)]))
        combinations *= len(values)
        if combinations > len(train):
            return False
    return True


def shared_points(rows: Rows, others: Rows) -> int:
    """The number of rows [N, X] that also occur, bit for bit, in ``others`` [M, X]."""
    weights = np.random.default_rng(0).integers(1, 2**63, rows.shape[1], dtype=np.uint64) | np.uint64(1)
    return int(np.isin(_hashes(rows, weights), _hashes(others, weights)).sum())


def _hashes(rows: Rows, weights: np.ndarray) -> np.ndarray:
    """Σ_j w_j x_nj modulo 2⁶⁴ of the bits of every row, uint64 [N]; unequal rows rarely have equal sums."""
    sums = []
    for piece in in_any_order(rows, CHUNK):
        array = piece.numpy()
        bits = array if array.dtype == np.uint8 else array.view(np.uint32)
        sums.append(bits.astype(np.uint64) @ weights)
    return np.concatenate(sums)
