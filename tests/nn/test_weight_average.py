"""w̄_t = d_t w̄_{t−1} + (1 − d_t) w_t with d_t = min(decay, 1 − 1/t)."""

import pytest
import torch
from torch import nn

from vaerun.nn.weight_average import WeightAverage


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.8, 0.999])
def test_it_is_the_mean_first_and_the_exponential_average_later(decay: float) -> None:
    torch.manual_seed(0)
    weight = nn.Parameter(torch.randn(3, dtype=torch.float64))
    average, by_hand = WeightAverage([weight], decay), torch.zeros(3, dtype=torch.float64)
    seen = []
    for step in range(1, 12):
        with torch.no_grad():
            weight.copy_(torch.randn(3, dtype=torch.float64))
        average.update(step)
        seen.append(weight.detach().clone())
        kept = min(decay, 1 - 1 / step)
        by_hand = kept * by_hand + (1 - kept) * seen[-1]
        torch.testing.assert_close(average.averages, [by_hand])
        if 1 - 1 / step <= decay:
            torch.testing.assert_close(average.averages, [torch.stack(seen).mean(0)])


def test_inside_the_weights_are_the_averages_and_afterwards_they_are_back() -> None:
    weight = nn.Parameter(torch.ones(2))
    average = WeightAverage([weight], 0.5)
    with torch.no_grad():
        weight.fill_(3.0)
    with average.applied():
        assert weight.tolist() == [1.0, 1.0]
    assert weight.tolist() == [3.0, 3.0]
    average.copy_to_weights()
    with average.applied():
        assert weight.tolist() == [1.0, 1.0]
    assert weight.tolist() == [1.0, 1.0]
