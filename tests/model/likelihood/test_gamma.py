import pytest
import torch

from vaerun.model.likelihood.gamma import digamma, log_coefficient

SIZES = torch.logspace(-3, 3, 13, dtype=torch.float64)


def exact_coefficient(x: torch.Tensor, size: torch.Tensor) -> torch.Tensor:
    x, size = x.double(), size.double()
    return torch.lgamma(x + size) - torch.lgamma(size) - torch.lgamma(x + 1)


def test_it_agrees_with_torch_in_float64():
    x = torch.tensor([[0.0], [1.0], [2.0], [7.0], [50.0], [1000.0]], dtype=torch.float64).expand(-1, 13)
    torch.testing.assert_close(log_coefficient(x, SIZES), exact_coefficient(x, SIZES), rtol=1e-12, atol=2e-10)
    torch.testing.assert_close(digamma(x + SIZES), torch.digamma(x + SIZES), rtol=1e-12, atol=1e-11)


def test_its_derivative_is_that_of_finite_differences():
    x = torch.tensor([[0.0], [1.0], [9.0], [300.0]], dtype=torch.float64).expand(-1, 13)
    size = SIZES.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda s: log_coefficient(x, s), [size], eps=1e-7)
    assert torch.autograd.gradgradcheck(lambda s: log_coefficient(x, s), [size], eps=1e-7)


@pytest.mark.parametrize("x", [0.0, 1.0, 30.0, 1e4, 1e6, 1e9])
def test_float32_keeps_its_digits_at_any_count(x):
    x, size = torch.full((1, 13), x), SIZES.float()
    found = log_coefficient(x, size)
    torch.testing.assert_close(found.double(), exact_coefficient(x, size), rtol=2e-6, atol=1e-3)
    if not x.any():
        assert not found.any()
