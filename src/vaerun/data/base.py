"""A data set is three splits of points of one shape, and what is known about them."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, ClassVar, Literal, NamedTuple, final

import numpy as np
import torch
from torch import Tensor

from vaerun.data.given import Numbers, float_rows, numbers, split_sizes, whole
from vaerun.data.labels import classes_of
from vaerun.data.layout import find_layout, refuse_unknown_layout, said
from vaerun.data.missing import told
from vaerun.data.split import Split, are_counts, fingerprint, pooled
from vaerun.errors import UserError, close_match, counted
from vaerun.notation import Column

Support = Literal["binary", "unit", "count", "real", "mixed"]
"""The values of x: {0, 1}, [0, 1], {0, 1, 2, …}, any finite number, or columns of several types."""

SplitName = Literal["train", "valid", "test", "new"]
"""The splits of the data that a run is trained with, and ``new``: all points of other data."""

NO_TREATMENT: Mapping[str, Any] = MappingProxyType({})


class DataInfo(NamedTuple):
    """Name, shape, support and sizes of a data set: a model is built from them, and a run records them."""

    name: str
    binarize: str
    shape: tuple[int, ...]  # of one point
    support: Support
    split_sizes: dict[str, int]
    values: str = ""  # what was done to the values, in words
    given: tuple[str, ...] = ()  # names of the C numbers of each point that the model conditions on
    missing: bool = False  # whether values are missing; they are nan
    labels: tuple[str, ...] = ()  # names of the classes 0, 1, … of the points
    columns: tuple[Column, ...] = ()  # of x, where the data declare them
    treatment: Mapping[str, Any] = NO_TREATMENT  # what ``Source.load_new`` needs, as JSON
    covariates: tuple[Column, ...] = ()  # columns that ``given`` was made of, with their scales and classes


@final
@dataclass(frozen=True, eq=False)
class Dataset:
    """(train, valid, test): three splits of points of one shape.

    ``shape`` is that of one point: (H, W) or (H, W, C) for images, (X,) for vectors; a stored row has its X values.
    ``binarize`` is the name of the binarisation, ``support`` the set of values of x, and ``sha256`` the hash of the
    data after binarisation, which is equal for two runs on the same data. ``values`` says in words what was done to the
    values between the source and the model. ``warnings`` are sentences about the points, which a run logs and keeps.
    ``given`` names the C numbers of each point that the model conditions on, ``labels`` the classes of its points, and
    ``names`` the rows of the source, for results by point. ``columns`` says what is known about each coordinate of x,
    where the source declares it: x itself stays in the units of the source, and the parts of a model standardise it.
    ``treatment`` is what the source must know to treat the values of new points in the same way, as JSON. Points that
    no run was trained with are the split ``new``; their data set has no other split. ``covariates`` are the columns of
    the source that the C numbers were made of, with the scales of numbers and the classes of one-hot vectors.
    """

    name: str
    train: Split
    valid: Split
    test: Split
    shape: tuple[int, ...]
    binarize: str
    support: Support
    sha256: str
    values: str = ""
    warnings: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    missing: bool = False
    labels: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    treatment: Mapping[str, Any] = field(default_factory=dict)
    new: Split | None = None
    covariates: tuple[Column, ...] = ()

    @classmethod
    def of(
        cls,
        x: Numbers,
        *,
        valid: float = 0.1,
        test: float = 0.1,
        seed: int = 0,
        name: str = "x",
        layout: str | None = None,
        labels: Sequence[Any] | np.ndarray | Tensor | None = None,
        names: Sequence[str] = (),
        missing: float | None = None,
    ) -> "Dataset":
        """A data set of the points x, Float[Tensor, "N …"], split at random.

        Args:
            x: the points, a tensor or an array; the axes after the first are the shape of one point.
            valid: the fraction of validation points, 0 < valid < 1.
            test: the fraction of test points, 0 < test < 1.
            seed: of the permutation.
            name: the name in records and tables.
            layout: channels_last or channels_first, for images with an axis of channels; needed if the shape does not
                show which axis that is.
            labels: the class of each point, N whole numbers or texts; −1, an empty text and None say that it is not
                known.
            names: the names of the N points, for results by point.
            missing: nan, or the number that stands for a missing value in x; None if no value is missing.

        Raises:
            UserError: a fraction is out of range, a split would be empty, a value is not finite, ``layout`` is needed,
                or there is not one label and one name for each point.
        """
        x = numbers("x", x)
        if x.ndim == 0 or not x.numel():
            raise UserError(f"x must hold at least one point of one number, got the shape {list(x.shape)}.")
        refuse_unknown_layout(layout, key="layout")
        found = find_layout(x.shape[1:], layout, "x", key="layout")
        done = [] if found is None else [said(x.shape[1:], found)]
        if found == "channels_first":
            x = x.movedim(1, -1)
        shape = tuple(x.shape[1:]) or (1,)
        absent = torch.zeros_like(x, dtype=torch.bool)
        if missing is not None:
            absent = x.isnan() if math.isnan(missing) else x == missing
            if bool(absent.all()):
                raise UserError(f"x must hold at least one observed value, but missing={missing} marks all as missing.")
            x = torch.where(absent, x[~absent][0], x)
        rows = float_rows("x", x)
        rounded = not torch.equal(rows.to(x.dtype), x.reshape(len(x), -1))
        generator = torch.Generator().manual_seed(whole("seed", seed, 0))
        order = torch.randperm(len(x), generator=generator)
        sizes = split_sizes(len(x), valid, test)
        classes = None if labels is None else classes_of("labels", labels, len(x))
        names = _names(names, len(x))
        low, high = float(rows.min()), float(rows.max())
        binary = bool(((rows == 0) | (rows == 1)).all())
        unit, counts = low >= 0 and high <= 1, are_counts(rows)
        support: Support = "binary" if binary else "unit" if unit else "count" if counts else "real"
        if missing is not None:
            rows = rows.masked_fill(absent.reshape(rows.shape), math.nan)
        parts = rows[order.to(x.device)].split(sizes)
        train, valid_split, test_split = (Split(part) for part in parts)
        sha256 = fingerprint(*(Split(part.cpu()) for part in parts))
        if rounded:
            done.append(f"{str(x.dtype).removeprefix('torch.')} rounded to float32")
        values = "; ".join(done) or "as they are"
        data = cls(str(name), train, valid_split, test_split, shape, "none", support, sha256, values)
        device = x.device  # of the points, and so of what belongs to them
        data = data.annotated(
            [rows.to(device) for rows in order.split(sizes)],
            labels=None if classes is None else classes.numbers.to(device),
            label_names=() if classes is None else classes.names,
            names=names,
        )
        return data if missing is None else told(data)

    def info(self) -> DataInfo:
        """What a model needs to be built, besides the moments of the training points."""
        sizes = {"train": len(self.train), "valid": len(self.valid), "test": len(self.test)}
        return DataInfo(
            self.name,
            self.binarize,
            tuple(self.shape),
            self.support,
            sizes,
            self.values,
            self.given,
            self.missing,
            self.labels,
            self.columns,
            dict(self.treatment),
            self.covariates,
        )

    @property
    def data_dim(self) -> int:
        """X, the number of values of one point."""
        return math.prod(self.shape)

    def annotated(
        self,
        rows: Sequence[Tensor],
        *,
        given: Tensor | None = None,
        given_names: Sequence[str] = (),
        labels: Tensor | None = None,
        label_names: Sequence[str] = (),
        names: Sequence[str] = (),
    ) -> "Dataset":
        """The data set with what its source says about each point.

        Args:
            rows: of train, valid and test, the rows of the source that their points are, each Int[Tensor, "N"].
            given: what the model conditions on, by row of the source, Float[Tensor, "R C"].
            given_names: names of these C numbers.
            labels: the class by row of the source, Int[Tensor, "R"], -1 where it is not known.
            label_names: names of the classes 0, 1, …
            names: of the rows of the source.
        """
        parts = [
            replace(
                split,
                source_rows=own,
                given=None if given is None else given[own],
                labels=None if labels is None else labels[own],
            )
            for split, own in zip((self.train, self.valid, self.test), rows, strict=True)
        ]
        train, valid, test = parts
        return replace(
            self,
            train=train,
            valid=valid,
            test=test,
            sha256=self.sha256 if given is None else fingerprint(*parts),
            given=tuple(given_names),
            labels=tuple(label_names),
            names=tuple(names),
        )

    def split(self, name: SplitName) -> Split:
        """The split of that name.

        Raises:
            UserError: there is no split of that name, or it is ``new`` and these are the data of a run, or the other
                way round.
        """
        if (name == "new") != (self.new is not None):
            if self.new is None:
                raise UserError("the split new has points that the run was not trained with: give data.path=FILE.")
            raise UserError(f"{self.name} holds new points, which have no split {name}: use the split new.")
        splits = {"train": self.train, "valid": self.valid, "test": self.test, "new": self.train}
        if name not in splits:
            raise UserError(f"a split is one of {', '.join(splits)}, got {name}.{close_match(str(name), splits)}")
        return splits[name]

    def as_new(self) -> "Dataset":
        """The same points as the one split ``new``, in the order of their source where that is known."""
        return self.with_new(pooled((self.train, self.valid, self.test)))

    def with_new(self, new: Split) -> "Dataset":
        """A data set like this one whose only points are the split ``new``."""
        return replace(self, train=new, valid=new, test=new, new=new, sha256=fingerprint(new), warnings=())

    def mean(self) -> Tensor:
        """Float32 [X]: the mean of each coordinate over the train split."""
        return self.train.mean()

    def std(self) -> float:
        """The pooled standard deviation of the train split around :meth:`mean`."""
        return self.train.std()

    def to(self, device: torch.device | str) -> "Dataset":
        """The data set with its splits on ``device``."""
        if self.new is not None:
            new = self.new.to(device)
            return replace(self, train=new, valid=new, test=new, new=new)
        return replace(self, train=self.train.to(device), valid=self.valid.to(device), test=self.test.to(device))


def _names(names: Sequence[str], count: int) -> tuple[str, ...]:
    """The names of ``count`` points, or none.

    Raises:
        UserError: there is not one text for each point.
    """
    found = tuple(names)
    if found and len(found) != count:
        raise UserError(f"names must be one text for each of the {count} points, got {counted(len(found), 'value')}.")
    if other := [name for name in found if not isinstance(name, str)]:
        raise UserError(
            f"names must be one text for each of the {count} points, got {other[0]!r}: give [str(name) for name in "
            "names]."
        )
    return found


class Source(ABC):
    """() ↦ data set: the constructor checks the values, ``load`` reads, downloads or simulates the data."""

    ignores: ClassVar[tuple[str, ...]] = ()  # its keys that have no effect
    ignored_when: ClassVar[Mapping[str, tuple[str, tuple[object, ...]]]] = {
        "binarize_seed": ("binarize", ("none", "threshold")),
        "hide_seed": ("hide", (0, 0.0)),
    }
    """Key ↦ another key, and the values of it at which the first has no effect."""

    def unused(self) -> Sequence[str]:
        """The keys that ``load`` did not use, because of what it has read; empty before."""
        return ()

    @abstractmethod
    def load(self) -> Dataset:
        """The data set, on the CPU.

        Raises:
            UserError: a file is missing or damaged, or its values do not fit.
        """

    def load_new(self, treatment: Mapping[str, Any]) -> Dataset:
        """All points of the source as the split ``new`` in its order, with their values treated as in a training.

        By default these are the points of ``load``. A source whose ``load`` computes numbers from the training points,
        such as a mean and a standard deviation, or refuses a source with few points, defines its own.

        Args:
            treatment: that of the data set that a run was trained with; empty if the run has not recorded it.

        Raises:
            UserError: as ``load``, or the values cannot be treated in the same way.
        """
        return self.load().as_new()
