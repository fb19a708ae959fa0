"""Variances in closed form are the sums and integrals that they stand for."""

import itertools
import math

import pytest

from vaerun.exact.variance import BITS

REWARDS = [(0.3, 1.1), (-2.0, 0.5), (1.0, 1.0)]
LOGITS = [-1.3, 0.0, 0.7]
CELLS = 200_000  # of u in (0, 1)


def moments(weighted: list[tuple[float, float]]) -> float:
    """Σ p g² − (Σ p g)² of pairs (p, g)."""
    mean = sum(p * g for p, g in weighted)
    return sum(p * (g - mean) ** 2 for p, g in weighted)


def draws(logit: float, k: int) -> list[tuple[float, tuple[int, ...]]]:
    """All k-tuples of bits with their probabilities."""
    p = 1 / (1 + math.exp(-logit))
    return [(math.prod(p if b else 1 - p for b in bits), bits) for bits in itertools.product((0, 1), repeat=k)]


@pytest.mark.parametrize("logit", LOGITS)
@pytest.mark.parametrize("r", REWARDS)
def test_the_score_functions(r: tuple[float, float], logit: float) -> None:
    p = 1 / (1 + math.exp(-logit))
    single = [(weight, r[bit] * (bit - p)) for weight, (bit,) in draws(logit, 1)]
    assert BITS["score/none"][1](*r, logit) == pytest.approx(moments(single))
    pairs = [(weight, 0.5 * ((r[a] - r[b]) * (a - p) + (r[b] - r[a]) * (b - p))) for weight, (a, b) in draws(logit, 2)]
    assert BITS["score/leave_one_out"][1](*r, logit) == pytest.approx(moments(pairs))


@pytest.mark.parametrize("logit", LOGITS)
@pytest.mark.parametrize("r", REWARDS)
def test_arm_and_disarm(r: tuple[float, float], logit: float) -> None:
    """ARM: (r(u > σ(−φ)) − r(u < σ(φ)))(u − ½); DisARM is its mean over the u of each pair of bits."""
    p = 1 / (1 + math.exp(-logit))
    found = []
    by_bits: dict[tuple[bool, bool], list[float]] = {}
    for i in range(CELLS):
        u = (i + 0.5) / CELLS
        bits = (u > 1 - p, u < p)
        gradient = (r[bits[0]] - r[bits[1]]) * (u - 0.5)
        found.append((1 / CELLS, gradient))
        by_bits.setdefault(bits, []).append(gradient)
    assert BITS["arm"][1](*r, logit) == pytest.approx(moments(found), rel=1e-4, abs=1e-9)
    means = [(len(some) / CELLS, sum(some) / len(some)) for some in by_bits.values()]
    assert BITS["disarm"][1](*r, logit) == pytest.approx(moments(means), rel=1e-4, abs=1e-9)
