"""k̂ against generalised Pareto distributions whose shape is known, and against ArviZ."""

import math
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor

from vaerun.evaluation.importance_weights import ImportanceWeights
from vaerun.evaluation.pareto import samples_needed, tail_length, tail_shape

pytestmark = pytest.mark.usefixtures("exact")

SHAPES = [-0.5, -0.2, 0.0, 0.3, 0.7, 1.0, 1.5]


def quantiles(k: float, u: Tensor) -> Tensor:
    """The generalised Pareto quantile function at scale 1: ((1 − u)^{−k} − 1)/k."""
    return torch.expm1(-k * torch.log1p(-u)) / k if k else -torch.log1p(-u)


@pytest.mark.parametrize("k", SHAPES)
@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e9])
def test_the_shape_of_an_exact_sample_is_found_at_any_scale(k: float, scale: float) -> None:
    M = 4000
    y = scale * quantiles(k, (torch.arange(M) + 0.5) / M)
    expected = (M * k + 5) / (M + 10)
    assert float(tail_shape(y.unsqueeze(0))) == pytest.approx(expected, abs=0.015)


@pytest.mark.parametrize("k", [0.0, 0.3, 0.7, 1.0])
def test_over_random_samples_the_error_is_that_of_maximum_likelihood(k: float) -> None:
    """The asymptotic variance of the maximum-likelihood shape is (1 + k)²/M."""
    M, rows = 900, 400
    found = tail_shape(quantiles(k, torch.rand(rows, M)))
    raw = (found * (M + 10) - 5) / M
    assert float(raw.std()) == pytest.approx((1 + k) / math.sqrt(M), rel=0.15)
    assert abs(float(raw.mean()) - k) < 4 * float(raw.std()) / math.sqrt(rows) + 0.01


def test_rows_and_their_order_do_not_matter() -> None:
    y = torch.stack([quantiles(k, torch.rand(200)) for k in SHAPES])
    one_by_one = torch.cat([tail_shape(row[torch.randperm(200)].unsqueeze(0)) for row in y])
    torch.testing.assert_close(tail_shape(y), one_by_one)


def test_ties_and_no_tail_at_all_have_a_finite_shape() -> None:
    ties = torch.zeros(3, 50)
    ties[1, :3] = 1.0
    ties[2] = 1.0
    k = tail_shape(ties)
    assert k.isfinite().all()
    assert float(k[0]) == 0


def test_a_few_exceedances_pull_to_one_half() -> None:
    y = quantiles(0.0, (torch.arange(5) + 0.5) / 5).unsqueeze(0)
    assert 0.2 < float(tail_shape(y)) < 0.5


def test_tail_length_and_samples_needed() -> None:
    assert [tail_length(K) for K in (1, 10, 100, 225, 5000, 100_000)] == [1, 2, 20, 45, 213, 949]
    needed = samples_needed(torch.tensor([-1.0, 0.0, 0.5, 0.75, 1.0, 2.0]))
    torch.testing.assert_close(needed, torch.tensor([10.0, 10.0, 100.0, 1e4, math.inf, math.inf]))


@pytest.fixture(scope="module")
def arviz() -> Any:
    """ArviZ, where it is installed; it warns on import of changes to come."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("arviz")


@pytest.mark.parametrize("num_samples", [50, 333, 5000])
@pytest.mark.parametrize("spread", [0.3, 1.0, 2.0, 5.0])
def test_k_hat_is_that_of_arviz(arviz: Any, num_samples: int, spread: float) -> None:
    """Of log-normal weights, whose tail is the heavier at a given K the larger their spread."""
    torch.manual_seed(num_samples)
    r = spread * torch.randn(num_samples, 4)
    weights = ImportanceWeights(num_samples, r.T)
    for chunk in r.split(100):
        weights.add(chunk)
    k = weights.pareto_k()
    assert k is not None
    _, expected = arviz.psislw(r.T.numpy())
    assert k.tolist() == pytest.approx(expected.tolist(), abs=1e-6)


def test_k_hat_of_arviz_is_other_for_other_weights(arviz: Any) -> None:
    """The comparison would notice a tail of the smallest weights instead of the largest."""
    r = torch.randn(5000, 1) ** 3
    weights = ImportanceWeights(5000, r.T)
    weights.add(-r)
    k = weights.pareto_k()
    assert k is not None
    assert abs(float(k) - float(arviz.psislw(r.T.numpy())[1].item())) > 1e-3
