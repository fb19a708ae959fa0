"""Chunks hold all samples of all points, and know how many of them have their shape."""

from collections import Counter

import pytest
import torch

from vaerun.evaluation.chunks import TOGETHER, chunks
from vaerun.execution.memory import rows_at_once


@pytest.mark.parametrize("points", [5, TOGETHER, 3 * TOGETHER, 3 * TOGETHER + 5])
@pytest.mark.parametrize("whole", [0, 1, 4])
@pytest.mark.parametrize("rest", [0, 3])
def test_they_are_counted_by_shape(points: int, whole: int, rest: int) -> None:
    x = torch.zeros(points, 2**13)
    num_samples = whole * (rows_at_once(x) // TOGETHER) + rest
    found = [(len(part), chunk) for part in x.split(TOGETHER) for chunk in chunks(part, num_samples, points)]
    for size in {len(part) for part in x.split(TOGETHER)}:
        parts = sum(len(part) == size for part in x.split(TOGETHER))
        assert sum(chunk.size for rows, chunk in found if rows == size) == parts * num_samples
    shapes = Counter((rows, chunk.size) for rows, chunk in found)
    for rows, chunk in found:
        assert chunk.calls <= shapes[rows, chunk.size]
        if rows == TOGETHER and chunk.size == rows_at_once(x) // TOGETHER:
            assert chunk.calls == shapes[rows, chunk.size]
