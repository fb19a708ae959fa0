"""A data set from a user's own table: CSV, TSV or Parquet."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Union, final

import numpy as np
from torch import Tensor

from vaerun.data.assemble import NEW
from vaerun.data.base import Dataset, Source, Support
from vaerun.data.column_type import Cells, cells_of
from vaerun.data.condition import given_new, labelled, labelled_new
from vaerun.data.covariates import covariates_of, on_scale_of, unusable_condition
from vaerun.data.data_file import located
from vaerun.data.dequantise import dequantised, still
from vaerun.data.hide import Hide
from vaerun.data.mapped import Rows, refuse_unknown_memory, selected
from vaerun.data.missing import told
from vaerun.data.overlap import may_coincide, overlap_warnings
from vaerun.data.parquet_table import ParquetTable, stored
from vaerun.data.random_split import RandomSplit
from vaerun.data.split import Split, fingerprint
from vaerun.data.stream import stream
from vaerun.data.table_columns import column_of, encode, unseen, with_units
from vaerun.data.table_file import TAB, OtherSeparatorError, opened_table
from vaerun.data.table_roles import class_numbers, conditions, listed, matching, split_rows, texts_of
from vaerun.data.unusable import UnusableColumnError, unusable
from vaerun.errors import UserError, close_match, counted
from vaerun.notation import Column, Kind

if TYPE_CHECKING:
    import pandas

Tabular = Union["pandas.DataFrame", ParquetTable]
"""A table in memory, or one whose columns are read one at a time."""


class Roles(NamedTuple):
    """What the columns of a table are for."""

    x: list[str]  # names of the columns of x
    given: list[Cells]  # columns that the model conditions on
    label: Cells | None
    row_names: Cells | None
    places: tuple[Tensor, ...] | None  # the rows of train, valid and test, if a column gives them


@final
class Table(Source):
    """FILE ↦ data set: the columns of a CSV, TSV or Parquet file, each with its type: real, positive, count, ….

    x_j is the number in column j, in the units of the file; a category is its code 0 … L − 1, and a missing cell is
    nan. The type of a column is inferred (``vaerun.data.column_type.infer``), unless a key names the column; all types
    are logged before training, and are ``data.columns`` of summary.json. ``model/likelihood=mixed`` gives each column
    the likelihood of its type; a table of real columns only also fits the likelihoods of real data.

    The model standardises real columns by the mean and the standard deviation of the training points, and positive ones
    by those of the logarithm. Its bound is in nats of the data as given: the change of volume is added.

    Args:
        path: the file. It needs ``pip install 'vaerun[table]'``.
        separator: of the cells of a text file, a character or tab. Null: a tab in a .tsv file, otherwise a comma.
        columns: names or patterns (``mean*``) of the columns of x. Null: all but those that other keys use.
        drop: names or patterns of columns that are left out.
        label: a column of classes. No model is trained on it; evaluations and images show it.
        condition: what the model conditions on: y, which is the label, or names of columns, which are then not in x. A
            binary or categorical column becomes a one-hot vector, any other is standardised by its mean and standard
            deviation over the training points. Null: nothing.
        index: a column that names the rows; results by point have these names.
        split: a column with the words train, valid and test. Null: a random split.
        real: names or patterns of columns whose type is real: any number, normal.
        positive: of columns of numbers > 0, log-normal.
        count: of columns of whole numbers ≥ 0, negative binomial.
        binary: of columns with two values, Bernoulli.
        categorical: of columns of categories, softmax.
        standardise: whether the model standardises real columns.
        dequantise: whether uniform noise is added, at every visit, to real and positive columns whose values lie on a
            grid, as wide as the grid. The bound is then one on the log probability of the cells of that grid.
        dequantise_seed: of the noise of validation and test points, which is drawn once.
        split_seed: of the random split.
        valid_fraction: fraction of the validation points.
        test_fraction: fraction of the test points.
        memory: read reads the file into memory. map reads a Parquet file column by column, and leaves x in a scratch
            file; results are the same to the bit. auto maps what would take more than half of the free memory. With
            ``dequantise`` and ``hide`` the file is read.
        hide: fraction of the values of x to hide, as if they were missing (``vaerun.data.hide.Hide``). Only the types
            and categories of the columns are those of all values.
        hide_seed: of the hidden places.

    Raises:
        UserError: a value is out of range; in ``load``, the file cannot be used, a column does not exist, or its values
        do not fit its type.

    Reference: Nazabal et al. 2020, Handling incomplete heterogeneous data using VAEs, §2; Theis et al. 2016, §3.1.
    """

    ignored_when: ClassVar = {"dequantise_seed": ("dequantise", (False,)), "hide_seed": ("hide", (0, 0.0))}

    def __init__(
        self,
        *,
        path: str | None = None,
        separator: str | None = None,
        columns: str | Sequence[str | int] | None = None,
        drop: str | Sequence[str | int] | None = None,
        label: str | None = None,
        condition: str | Sequence[str | int] | None = None,
        index: str | None = None,
        split: str | None = None,
        real: str | Sequence[str | int] | None = None,
        positive: str | Sequence[str | int] | None = None,
        count: str | Sequence[str | int] | None = None,
        binary: str | Sequence[str | int] | None = None,
        categorical: str | Sequence[str | int] | None = None,
        standardise: bool = True,
        dequantise: bool = False,
        dequantise_seed: int = 0,
        split_seed: int = 0,
        valid_fraction: float = 0.1,
        test_fraction: float = 0.1,
        memory: str = "auto",
        hide: float = 0.0,
        hide_seed: int = 0,
    ) -> None:
        if not path:
            raise UserError("data.path must name a CSV, TSV or Parquet file for data=table: give data.path=FILE.")
        if separator not in (None, TAB) and (len(str(separator)) != 1 or str(separator) in '"\n\r'):
            raise UserError(f"data.separator must be tab or one character, such as ';', got {separator!r}.")
        refuse_unknown_memory(memory)
        if memory == "map" and (dequantise or hide):
            raise UserError(
                "data.memory=map leaves the values in a file, but data.dequantise and data.hide change them: use "
                "data.memory=read."
            )
        self.memory = memory
        self.random_split = RandomSplit(seed=split_seed, valid_fraction=valid_fraction, test_fraction=test_fraction)
        stream("data.dequantise_seed", dequantise_seed)
        self.path, self.separator = located("data.path", path), separator
        self.columns, self.drop, self.condition = columns, drop, condition
        self.hide = Hide(fraction=hide, seed=hide_seed)
        self.roles = {"label": label, "index": index, "split": split}
        self.declared: dict[Kind, str | Sequence[str | int] | None] = {
            "real": real, "positive": positive, "count": count, "binary": binary, "categorical": categorical
        }  # fmt: skip
        self.standardise, self.dequantise, self.dequantise_seed = standardise, dequantise, dequantise_seed

    def load(self) -> Dataset:
        with opened_table(self.path, self.separator, self._memory()) as table:
            return self.tabulate(table, self.path.name)

    def load_new(self, treatment: Mapping[str, Any]) -> Dataset:
        try:
            with opened_table(self.path, self.separator, self._memory()) as table:
                return self._new(with_text_names(table), treatment)
        except OtherSeparatorError as error:  # the run fixes data.separator
            raise UserError(
                f"{self.path} cannot be read as the training data were, because {error.why}: save it with the "
                "separator of the training data."
            ) from None

    def _memory(self) -> str:
        """``memory``, but noise is added to rows in memory, and values are hidden there."""
        return "read" if self.dequantise or self.hide.fraction else self.memory

    def _new(self, table: Tabular, treatment: Mapping[str, Any]) -> Dataset:
        columns: Sequence[Column] = treatment.get("columns", ())
        self._refuse_other_columns(table, columns)
        if not len(table):
            raise UserError(f"{self.path} must hold at least one point, but it has no row below the names: add rows.")
        missing = False

        def encoded() -> Iterator[tuple[np.ndarray, Column]]:
            nonlocal missing
            for column in columns:
                values = encode(cells_of(column.name, table[column.name], column.kind), column)
                missing = missing or bool(np.isnan(values).any())
                yield values, column

        rows, _, warnings = stored(table, encoded(), len(columns))
        widths = [column.width for column in columns]
        split = Split(rows)
        if any(widths) and isinstance(rows, Tensor):
            split = still(rows, widths, seed=self.dequantise_seed, place=NEW)
        names_held = list(table.columns)
        given = {role: column for role, column in self.roles.items() if column is not None and column in names_held}
        roles = {role: cells_of(column, table[column], "categorical") for role, column in given.items()}
        names = tuple(text or "" for text in texts_of(roles["index"])) if "index" in roles else ()
        data = Dataset(
            self.path.name,
            split,
            split,
            split,
            shape=(len(columns),),
            binarize="none",
            support=support_of(columns),
            sha256="",
            values=self._said(columns),
            missing=missing,
            columns=tuple(columns),
            names=names,
        )
        data = replace(data.with_new(split), warnings=tuple(warnings))
        known: Sequence[Column] = treatment.get("covariates", ())
        covariates = on_scale_of(known, self._known(table, known)) if known else None
        labels = roles.get("label")
        numbers, classes = (None, []) if labels is None else (class_numbers(labels), labels.levels)
        if "y" in listed(self.condition):
            known_classes = treatment.get("classes")
            return labelled_new(data, labels=numbers, classes=classes, known=known_classes, covariates=covariates)
        return replace(given_new(data, covariates, labels=numbers), labels=tuple(classes))

    def unused(self) -> Sequence[str]:
        return RandomSplit.keys if self.roles["split"] is not None else ()

    def tabulate(self, table: Tabular, name: str = "table") -> Dataset:
        """The data set of a table.

        Args:
            table: a DataFrame, one row for each point, or an open Parquet file.
            name: of the data set.

        Raises:
            UserError: as ``load``.
        """
        table = with_text_names(table)
        roles = self._roles(table)
        chosen, labels, names = roles.x, roles.label, roles.row_names
        places = self.random_split.rows(len(table), name) if roles.places is None else roles.places
        kinds = self._kinds([*chosen, *(cells.name for cells in roles.given if cells.name not in chosen)])
        train = places[0].numpy()
        covariates = covariates_of(roles.given, kinds, train=train) if roles.given else None
        hidden = self._hidden(places, len(table), len(chosen))
        encoded = self._encoded(table, chosen, kinds, train, hidden)
        rows, columns, warnings = stored(table, encoded, len(chosen))
        parts = [selected(rows, place) for place in places]
        del rows  # they were copied
        inferred = [c for c in (*columns, *(covariates.columns if covariates else ())) if c.name not in kinds]
        texts = with_units([c for c in inferred if not is_category(table, c.name)])
        copies = list(self._copies(parts))
        train_split, valid, test = self._splits(parts, columns)
        data = Dataset(
            name,
            train_split,
            valid,
            test,
            shape=(len(columns),),
            binarize="none",
            support=support_of(columns),
            sha256=fingerprint(train_split, valid, test),
            values=self._said(columns),
            warnings=(*warnings, *texts, *copies, *unseen([*columns, *(covariates.columns if covariates else ())])),
            columns=tuple(columns),
        )
        return labelled(
            told(data) if any(column.missing for column in columns) else data,
            places,
            labels=None if labels is None else class_numbers(labels),
            classes=[] if labels is None else labels.levels,
            condition="y" if "y" in listed(self.condition) else None,
            covariates=covariates,
            names=() if names is None else [text or "" for text in texts_of(names)],
        )

    def _encoded(
        self,
        table: Tabular,
        chosen: Sequence[str],
        kinds: Mapping[str, Kind],
        train: np.ndarray,
        hidden: np.ndarray | None,
    ) -> Iterator[tuple[np.ndarray, Column]]:
        """The columns of x. If one cannot be used, all others are looked at, too, so that one message names them all.

        Raises:
            UserError: columns cannot be part of x, or the values of one do not fit its type.
        """
        errors: list[UnusableColumnError] = []
        for j, name in enumerate(chosen):
            try:
                cells = cells_of(name, table[name], kinds.get(name))
                made = column_of(
                    cells,
                    kinds.get(name),
                    train=train,
                    standardise=self.standardise,
                    dequantise=self.dequantise,
                    hidden=None if hidden is None else hidden[:, j],
                )
            except UnusableColumnError as error:
                errors.append(error)
            except UserError:
                if not errors:  # otherwise it is said once those are left out
                    raise
            else:
                if not errors:
                    yield made
        if errors:
            raise unusable(errors, listed(self.drop))

    def _hidden(self, places: Sequence[Tensor], rows: int, columns: int) -> np.ndarray | None:
        """Which values are hidden, Bool[Array, "N X"], before anything is computed from them; None for none."""
        if not self.hide.fraction:
            return None
        hidden = np.zeros((rows, columns), dtype=bool)
        for number, place in enumerate(places):
            hidden[place.numpy()] = self.hide.hidden((len(place), columns), number).numpy()
        return hidden

    def _roles(self, table: Tabular) -> "Roles":
        """What the columns of a table are for."""
        names = list(table.columns)
        taken: dict[str, Cells] = {}
        for role, column in self.roles.items():
            if column is not None:
                (found,) = matching(f"data.{role}", [column], names, patterns=False)
                taken[role] = cells_of(found, table[found], "categorical")
        used = {cells.name: role for role, cells in taken.items()}
        given = conditions(listed(self.condition), names, used)
        left_out = matching("data.drop", listed(self.drop), names)
        asked = matching("data.columns", listed(self.columns), names) if self.columns is not None else names
        chosen = [name for name in asked if name not in (*left_out, *used, *given)]
        if not chosen:
            raise UserError(
                f"data.columns must leave at least one column for x, but of {', '.join(names[:8])} none is left: name "
                "other columns."
            )
        places = split_rows(taken["split"]) if "split" in taken else None
        with unusable_condition():
            cells = [cells_of(name, table[name]) for name in given]
        return Roles(chosen, cells, taken.get("label"), taken.get("index"), places)

    def _known(self, table: Tabular, columns: Sequence[Column]) -> list[Cells]:
        """The cells of recorded columns in another table."""
        self._refuse_other_columns(table, columns)
        return [cells_of(column.name, table[column.name], column.kind) for column in columns]

    def _refuse_other_columns(self, table: Tabular, columns: Sequence[Column]) -> None:
        """Refuses a table that lacks a recorded column."""
        names = list(table.columns)
        for column in columns:
            if column.name not in names:
                raise UserError(
                    f"{self.path} must have the column {column.name!r}, as the training data, but its columns are "
                    f"{', '.join(names[:12])}: add it.{close_match(column.name, names)}"
                )

    def _kinds(self, chosen: Sequence[str]) -> dict[str, Kind]:
        """The types that the keys declare, by the name of the column."""
        kinds: dict[str, Kind] = {}
        for kind, given in self.declared.items():
            for name in matching(f"data.{kind}", listed(given), chosen):
                if name in kinds:
                    raise UserError(
                        f"a column must have one type, but data.{kinds[name]} and data.{kind} both name {name!r}: name "
                        "it in one of them."
                    )
                kinds[name] = kind
        return kinds

    def _splits(self, rows: Sequence[Rows], columns: Sequence[Column]) -> list[Split]:
        widths = tuple(column.width for column in columns)
        if not any(widths):
            if self.dequantise:
                raise UserError(
                    "data.dequantise=true needs a real or positive column whose values lie on a grid, but there is "
                    "none: use data.dequantise=false."
                )
            return [Split(part) for part in rows]
        return dequantised([part for part in rows if isinstance(part, Tensor)], widths, self.dequantise_seed)

    def _copies(self, parts: Sequence[Rows]) -> Iterator[str]:
        """A sentence for each held-out split with rows that are also in train."""
        train, valid, test = parts
        remedy = "remove the repeated rows from the table"
        if self.roles["split"] is None:
            remedy += ", or put equal rows into one split by a column that data.split names"
        for sentence in overlap_warnings(train, remedy=remedy, valid=valid, test=test):
            if may_coincide(train):
                return
            yield sentence

    def _said(self, columns: Sequence[Column]) -> str:
        done = []
        if any(column.standardised for column in columns):
            done.append("standardised in the model, bounds in nats of the data as given")
        if count := sum(column.width > 0 for column in columns):
            done.append(
                f"uniform noise of the width of its grid added to {counted(count, 'column')} (data.dequantise=true)"
            )
        return "; ".join(done) or "as they are"


def with_text_names(table: Tabular) -> Tabular:
    """The table with texts as names of its columns."""
    return (
        table if isinstance(table, ParquetTable) else table.set_axis([str(column) for column in table.columns], axis=1)
    )


def is_category(table: Tabular, name: str) -> bool:
    """Whether a table declares a column a category."""
    return name in table.categories if isinstance(table, ParquetTable) else table[name].dtype.name == "category"


def support_of(columns: Sequence[Column]) -> Support:
    """The values of x: those of the type of all columns, or mixed."""
    kinds = {column.kind for column in columns}
    alone: dict[Kind, Support] = {"real": "real", "count": "count", "binary": "binary"}
    return alone.get(next(iter(kinds)), "mixed") if len(kinds) == 1 else "mixed"
