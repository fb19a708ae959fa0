"""log p(x given z) of bits, computed in pieces: to rounding, the numbers and derivatives of torch's cross-entropy."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from vaerun.execution import memory as chunk
from vaerun.model.likelihood.bernoulli import TOGETHER, BernoulliLikelihood

X = 16


def plain(x: Tensor, outputs: Tensor) -> Tensor:
    """The same as torch has it."""
    return -binary_cross_entropy_with_logits(outputs, x.expand_as(outputs), reduction="none").sum(-1)


@pytest.mark.parametrize(("samples", "points"), [(1, 1), (1, 40), (3, 5), (40, 1)])
def test_values_and_derivatives_are_those_of_the_plain_formula_in_however_many_pieces(
    samples: int, points: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    x = (torch.rand(points, X) < 0.4).float()
    outputs = (4 * torch.randn(samples, points, X)).requires_grad_()
    weight = torch.randn(samples, points)
    expected = plain(x, outputs)
    (slope,) = torch.autograd.grad(expected, outputs, weight)
    for numbers in (1, 3 * X, 2**19):
        monkeypatch.setitem(chunk.NUMBERS, "cpu", numbers)
        found = BernoulliLikelihood(data_dim=X, data_std=1.0).log_prob(x, outputs)
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
        assert torch.equal(torch.autograd.grad(found, outputs, weight)[0], slope)


@pytest.mark.parametrize("pixels", [1, 13, TOGETHER, TOGETHER + 1, 784, 1021])
@pytest.mark.parametrize("size", [0.0, 1.0, 100.0])
def test_values_are_the_plain_formulas_for_any_number_of_pixels_and_any_odds(pixels: int, size: float) -> None:
    torch.manual_seed(0)
    x = (torch.rand(5, pixels) < 0.4).float()
    outputs = size * torch.randn(3, 5, pixels)
    exact = plain(x.double(), outputs.double())
    log_prob = BernoulliLikelihood(data_dim=pixels, data_std=1.0).log_prob
    torch.testing.assert_close(log_prob(x, outputs).double(), exact, rtol=2e-6, atol=1e-6)
    torch.testing.assert_close(log_prob(x.double(), outputs.double()), exact, rtol=1e-14, atol=1e-12)


@pytest.mark.parametrize("odds", [5.0, 15.0, 18.0, 40.0])
def test_where_all_pixels_are_certain_no_more_than_rounding_is_lost(odds: float) -> None:
    outputs = odds * torch.randn(4, 784).sign()
    found = BernoulliLikelihood(data_dim=784, data_std=1.0).log_prob((outputs > 0).float(), outputs)
    exact = plain((outputs > 0).double(), outputs.double())
    torch.testing.assert_close(found.double(), exact, rtol=1e-6, atol=784 * 2.0**-24)


@pytest.mark.usefixtures("exact")
def test_derivatives_of_first_and_second_order_in_both_arguments_are_those_of_differences() -> None:
    torch.manual_seed(0)
    log_prob = BernoulliLikelihood(data_dim=3, data_std=1.0).log_prob
    inputs = torch.rand(2, 3).requires_grad_(), torch.randn(4, 2, 3).requires_grad_()
    assert torch.autograd.gradcheck(log_prob, inputs)
    assert torch.autograd.gradgradcheck(log_prob, inputs)
