"""Columns of a table ↦ c: the C numbers of each row that a model conditions on, and what is recorded about them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vaerun.data.column_type import MOST_LEVELS, Cells, check, infer
from vaerun.data.table_columns import encode
from vaerun.data.unusable import UnusableColumnError, word
from vaerun.errors import UserError, close_match
from vaerun.notation import Column, Kind


class Covariates(NamedTuple):
    """c of each row of a source, Float[Tensor, "R C"], the names of its C numbers, and the columns they are made of.

    A column with categories is a one-hot vector with the names ``sex=female``, ``sex=male``; any other one is the
    number (x − mean)/std of the column, whose mean and std are those of the training rows.
    """

    given: Tensor
    names: tuple[str, ...]
    columns: tuple[Column, ...] = ()


def covariates_of(cells: Sequence[Cells], kinds: Mapping[str, Kind], *, train: np.ndarray) -> Covariates:
    """c of the rows of a table.

    Args:
        cells: by column.
        kinds: the types that are declared, by name; others are inferred.
        train: the rows of the training points, from which mean and standard deviation are computed.

    Raises:
        UserError: a cell is empty, a column has one value only, or its values do not fit its type.
    """
    return on_scale_of([_measured(one, kinds.get(one.name), train) for one in cells], cells)


def on_scale_of(columns: Sequence[Column], cells: Sequence[Cells]) -> Covariates:
    """c of the rows of a table, with the classes and the scale of recorded columns.

    Raises:
        UserError: a cell is empty, a category is not one of those recorded, or a value is no number.
    """
    parts, names = [], []
    for column, one in zip(columns, cells, strict=True):
        refuse_missing(one)
        _refuse_unknown(one, column)
        values = torch.from_numpy(encode(one, column))
        if column.categories:
            parts.append(torch.nn.functional.one_hot(values.long(), len(column.categories)).float())
            names += [f"{column.name}={name}" for name in column.categories]
        else:
            parts.append(((values - column.mean) / column.std).float().unsqueeze(1))
            names.append(column.name)
    return Covariates(torch.cat(parts, 1), tuple(names), tuple(columns))


def beside(one: Covariates | None, other: Covariates | None) -> Covariates | None:
    """The numbers of both, in this order; None if there are none."""
    if one is None or other is None:
        return other if one is None else one
    return Covariates(
        torch.cat((one.given, other.given), 1), (*one.names, *other.names), (*one.columns, *other.columns)
    )


def refuse_missing(cells: Cells) -> None:
    """Refuses empty cells: what a model conditions on must be known.

    Raises:
        UserError: the column, and how many cells are empty.
    """
    observed = cells.observed
    if empty := int((~observed).sum()):
        raise UserError(
            f"data.condition={cells.name} needs a value in every row, but {empty:,} of {len(observed):,} rows "
            f"{'has' if empty == 1 else 'have'} none, the first is row {int(np.argmin(observed))} (from 0): fill them "
            "in, remove these rows, or leave the column out of data.condition."
        )


@contextmanager
def unusable_condition() -> Iterator[None]:
    """Says of a column that cannot be used that it can be left out of ``data.condition``; ``data.drop`` does not help.

    Raises:
        UserError: the column, and what else helps.
    """
    try:
        yield
    except UnusableColumnError as error:
        raise UserError(
            f"data.condition={error.name} cannot be used, because the column {error.why}: leave it out of "
            f"data.condition{error.otherwise}."
        ) from None


def _refuse_unknown(cells: Cells, column: Column) -> None:
    for name in cells.levels if column.categories else []:
        if name not in column.categories:
            raise UserError(
                f"the column {cells.name!r} has the value {name}, but the run was trained on the values "
                f"{', '.join(column.categories)}: leave these rows out.{close_match(name, column.categories)}"
            )


def _measured(cells: Cells, kind: Kind | None, train: np.ndarray) -> Column:
    """What is recorded about a column: its categories, or mean and standard deviation of the training rows."""
    refuse_missing(cells)
    levels = cells.levels
    if len(levels) < 2:
        raise UserError(
            f"data.condition={cells.name} needs a column with at least two different values, but all are {levels[0]}: "
            "leave the column out of data.condition."
        )
    if kind is None and cells.texts is not None and len(levels) > MOST_LEVELS:
        raise UserError(
            f"data.condition={cells.name} needs numbers or at most {MOST_LEVELS} different texts, got {len(levels):,}: "
            f"use {word('categorical', cells.name)}, or leave the column out of data.condition."
        )
    with unusable_condition():
        kind = infer(cells) if kind is None else kind
    check(cells, kind)
    if kind in ("binary", "categorical"):
        column = Column(cells.name, kind, categories=tuple(levels))
        shares = np.bincount(encode(cells, column)[train].astype(int), minlength=len(levels)) / len(train)
        return column._replace(shares=tuple(shares.tolist()))
    assert cells.numbers is not None
    own = cells.numbers[train]
    return Column(
        cells.name,
        kind,
        mean=float(own.mean()),
        std=float(own.std()) or 1.0,
        standardised=True,
        low=float(cells.numbers.min()),
        high=float(cells.numbers.max()),
    )
