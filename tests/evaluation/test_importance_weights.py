"""Sums over weights that pass by once, against sums over all of them."""

import math

import pytest
import torch

from vaerun.evaluation.importance_weights import ImportanceWeights
from vaerun.evaluation.pareto import tail_length, tail_shape

pytestmark = pytest.mark.usefixtures("exact")


@pytest.mark.parametrize("chunk", [1, 7, 300, 2000])
@pytest.mark.parametrize("K", [30, 1000])
def test_however_the_rewards_are_cut_the_figures_are_those_of_all_of_them(chunk: int, K: int) -> None:
    r = 1.5 * torch.randn(K, 4) + torch.tensor([-1e5, -100.0, 0.0, 1e4])  # none of which may over- or underflow
    weights = ImportanceWeights(K, r.T)
    for part in r.split(chunk):
        weights.add(part)
    torch.testing.assert_close(weights.log_mean(), r.logsumexp(0) - math.log(K))
    w = (r - r.amax(0)).exp()
    torch.testing.assert_close(weights.effective_sample_size(), w.sum(0).square() / w.square().sum(0))
    above = w.sort(0, descending=True).values
    M = tail_length(K)
    torch.testing.assert_close(weights.pareto_k(), tail_shape((above[:M] - above[M]).T))
    assert len(weights.largest) == M + 1


def test_memory_does_not_grow_with_k() -> None:
    weights = ImportanceWeights(100_000, torch.zeros(2, 1))
    for _ in range(50):
        weights.add(torch.randn(2000, 2))
        assert len(weights.largest) <= 950
        assert weights.count < 2950
    assert 1 < float(weights.effective_sample_size().min()) < 100_000


def test_a_tail_needs_five() -> None:
    for K, fits in ((20, False), (21, True)):
        weights = ImportanceWeights(K, torch.zeros(1, 1))
        weights.add(torch.randn(K, 1))
        assert (weights.pareto_k() is not None) == fits


def test_weights_that_hardly_differ_have_no_tail() -> None:
    """k̂ has no scale: without this, weights equal but for a thousandth would be called heavy by chance."""
    torch.manual_seed(0)
    heavy = torch.rand(1000, 5, dtype=torch.float64).clamp(min=1e-9).log() * -1.5  # log of a Pareto variable, k = 1.5
    weights = ImportanceWeights(1000, heavy[0])
    weights.add(heavy)
    shape = weights.pareto_k()
    assert shape is not None
    assert (shape > 0.7).all()
    flat = ImportanceWeights(1000, heavy[0])
    flat.add((1 + 1e-6 * (heavy - heavy.amax(0)).exp() * 1000).log())
    assert flat.pareto_k().tolist() == [0.0] * 5
