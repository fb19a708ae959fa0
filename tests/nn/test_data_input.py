"""x ↦ what a network reads of x: values in [−1, 1], a mask of what is observed, and what is given."""

import torch
from torch import nan

from vaerun.nn.data_input import DataInput

MEAN = torch.tensor([1.0, 3.0])


def test_without_missing_values_and_condition_it_is_the_standardised_x() -> None:
    read = DataInput(data_mean=MEAN, data_std=0.5)
    assert read.dim == 2
    assert torch.equal(read(torch.tensor([[1.0, 3.0], [3.0, 2.0]])), torch.tensor([[0.0, 0.0], [1.0, -0.5]]))


def test_a_missing_value_is_its_mean_and_the_mask_says_so() -> None:
    read = DataInput(data_mean=MEAN, data_std=0.5, missing=True)
    x = torch.tensor([[nan, 2.0], [3.0, nan]])
    assert read.dim == 4
    assert torch.equal(read(x), torch.tensor([[0.0, -0.5, 0.0, 1.0], [1.0, 0.0, 1.0, 0.0]]))
    assert x.isnan().sum() == 2  # x itself is unchanged


def test_what_is_given_follows_unchanged() -> None:
    read = DataInput(data_mean=MEAN, data_std=0.5, given_dim=3, missing=True)
    c = torch.tensor([[0.0, 1.0, 7.0]])
    seen = read(torch.cat((torch.tensor([[3.0, nan]]), c), 1))
    assert read.dim == 7
    assert torch.equal(seen, torch.cat((torch.tensor([[1.0, 0.0, 1.0, 0.0]]), c), 1))
