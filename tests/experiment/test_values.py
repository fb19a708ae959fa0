"""Points that a caller gives have values that the likelihood of the run has a density at."""

import math
from typing import Any

import pytest
import torch

from vaerun.data.base import DataInfo
from vaerun.errors import UserError
from vaerun.experiment.values import refuse_other_values
from vaerun.notation import Column

COLUMNS = (
    Column("height"),
    Column("income", kind="positive"),
    Column("children", kind="count"),
    Column("smoker", kind="binary"),
    Column("city", kind="categorical", categories=("a", "b", "c"), shares=(0.2, 0.3, 0.5)),
)
GOOD = [[-1.5, 0.1, 3.0, 1.0, 2.0]]


def info(**keys: Any) -> DataInfo:
    known: dict[str, Any] = {"support": "mixed", "columns": COLUMNS, **keys}
    return DataInfo(name="table", binarize="none", shape=(5,), split_sizes={}, **known)


@pytest.mark.parametrize(
    ("column", "value"), [(0, math.inf), (1, 0.0), (1, -3.0), (2, 1.5), (2, -1.0), (3, 0.5), (4, 3.0), (4, 0.5)]
)
def test_each_column_has_the_values_of_its_type(column: int, value: float) -> None:
    refuse_other_values(torch.tensor(GOOD), info())
    x = torch.tensor(GOOD)
    x[0, column] = value
    with pytest.raises(UserError, match=f"got {value:g}"):
        refuse_other_values(x, info())


def test_a_value_can_be_missing_only_if_values_of_the_training_data_are() -> None:
    x = torch.full((1, 5), math.nan)
    refuse_other_values(x, info(missing=True))
    with pytest.raises(UserError, match="must be observed"):
        refuse_other_values(x, info())


def test_a_count_is_finite() -> None:
    with pytest.raises(UserError, match="whole number"):
        refuse_other_values(torch.full((1, 5), math.inf), info(support="count", columns=()))
