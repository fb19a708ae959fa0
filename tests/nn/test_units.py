"""y of x in standardised units, its inverse, and the change of volume."""

import math

import pytest
import torch
from torch import nan

from vaerun.nn.units import Units
from vaerun.notation import Column

pytestmark = pytest.mark.usefixtures("exact")

COLUMNS = (
    Column("a", mean=3.0, std=0.2, standardised=True),
    Column("b", kind="positive", mean=1.0, std=2.0, standardised=True),
    Column("c", kind="count", mean=1.0, std=2.0),
    Column("d", mean=5.0, std=9.0),
)
X = torch.tensor([[3.4, 2.0, 4.0, -7.0], [2.0, 0.5, 0.0, 1.0]], dtype=torch.float64)


def test_it_standardises_what_says_so_and_nothing_else() -> None:
    y = Units(COLUMNS)(X)
    torch.testing.assert_close(y[0], torch.tensor([2.0, (math.log(2) - 1) / 2, 4.0, -7.0]))
    torch.testing.assert_close(Units(COLUMNS).inverse(y), X)


def test_the_change_of_volume_is_the_derivative() -> None:
    units = Units(COLUMNS)
    slope = torch.func.vmap(torch.func.jacrev(units))(X).diagonal(dim1=1, dim2=2)
    torch.testing.assert_close(units.log_volumes(X), slope.abs().log())
    torch.testing.assert_close(units.log_volume(X), slope.abs().log().sum(-1))


def test_noise_adds_the_volume_of_its_cell() -> None:
    wide = Units([Column("a", mean=3.0, std=0.2, standardised=True, width=0.5)])
    assert float(wide.log_volume(X[:, :1])) == pytest.approx(math.log(0.5 / 0.2))


def test_without_columns_nothing_changes_and_a_missing_value_stays_missing() -> None:
    assert Units()(X) is X
    assert float(Units().log_volume(X)) == 0
    assert Units(COLUMNS)(torch.full_like(X, nan)).isnan().all()
