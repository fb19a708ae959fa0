"""What a network reads of typed columns."""

import math

import torch
from torch import nan

from vaerun.nn.column_values import ColumnValues
from vaerun.nn.data_input import DataInput
from vaerun.notation import Column

COLUMNS = (
    Column("city", kind="categorical", categories=("a", "b", "c"), shares=(0.2, 0.3, 0.5)),
    Column("height", mean=170.0, std=10.0, standardised=True),
    Column("income", kind="positive", mean=math.log(1000), std=1.0, standardised=True),
    Column("visits", kind="count", mean=math.log(4), std=0.5),
)
X = torch.tensor([[2.0, 190.0, 1000.0, 3.0], [0.0, 150.0, 1000 * math.e, 0.0]])


def test_numbers_are_standardised_by_column_and_a_category_is_one_hot() -> None:
    expected = torch.tensor([[0.5, 0.0, 0.0, 0.0, 0.0, 1.0], [-0.5, 0.25, -math.log(4) / 2, 1.0, 0.0, 0.0]])
    torch.testing.assert_close(ColumnValues(COLUMNS)(X), expected)


def test_missing_cells_are_zeros_and_the_mask_says_so() -> None:
    read = DataInput(data_mean=torch.zeros(4), data_std=1.0, missing=True, columns=COLUMNS)
    seen = read(torch.full((1, 4), nan))
    assert seen.shape == (1, read.dim) == (1, 10)
    assert torch.equal(seen, torch.zeros(1, 10))
    assert torch.equal(read(X)[:, 6:], torch.ones(2, 4))
