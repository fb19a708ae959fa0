"""The grid on which values lie."""

import numpy as np
import pytest

from vaerun.data.dequantise import grid_width

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("values", "width"),
    [
        (np.arange(10.0), 1.0),
        (np.array([1.0, 4.0, 9.0, np.nan]), 1.0),
        (RNG.integers(0, 400, 100) * 0.25 + 3, 0.25),
        (RNG.normal(size=200).round(2), 0.01),
        (RNG.normal(size=50), 0.0),
        (np.array([0.0, 0.12345, 0.0001234]), 1e-7),
        (1e9 + RNG.integers(0, 100, 50), 0.0),  # float32 would round the noise away
        (np.full(5, 2.0), 0.0),
    ],
    ids=["whole", "gaps", "quarters", "decimals", "real", "two scales", "large", "constant"],
)
def test_the_width_is_the_grid(values, width):
    assert grid_width(values) == pytest.approx(width)
