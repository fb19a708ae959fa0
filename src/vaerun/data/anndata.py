"""A data set from an h5ad file: single cells, or other counts with names, classes and batches."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from vaerun.data.assemble import assemble, assemble_new
from vaerun.data.base import Dataset, Source
from vaerun.data.binarize import binarization
from vaerun.data.condition import given_new
from vaerun.data.covariates import Covariates
from vaerun.data.data_file import DamagedFileError, located, refuse_too_large
from vaerun.data.h5ad import H5ad, h5ad
from vaerun.data.h5ad_rows import MatrixRows
from vaerun.data.hide import Hide
from vaerun.data.mapped import MappedRows, Rows, in_any_order, refuse_unknown_memory, write_rows
from vaerun.data.random_split import RandomSplit
from vaerun.data.split import CHUNK
from vaerun.errors import UserError, close_match, counted

SMALLEST = (np.uint8, np.int16, np.int32)  # types of whole numbers, from one to four bytes


@final
class AnnData(Source):
    """FILE ↦ data set: the matrix X or a layer of an h5ad file, [N, X], dense or sparse, with columns of ``obs``.

    The points are split by torch's randperm of N from ``split_seed``, as by ``data=arrays``. Counts are stored as whole
    numbers of one, two or four bytes, everything else as float32; sparse values become dense, a few rows at a time.
    Nothing is done to the values: no normalisation, no logarithm, no selection of genes. Results by point have the
    names of the file (``obs_names``).

    Args:
        path: the file.
        layer: the layer with the values; null for X, which often holds normalised values and not counts.
        label: a column of obs with the class of every point, for pictures and reports; no model is trained on it.
        batch: a column of obs that the model conditions on, as one number per value, 0 or 1.
        split_seed: of the split.
        valid_fraction: fraction of the validation points.
        test_fraction: fraction of the test points.
        memory: read reads the matrix into memory. map reads some rows at a time, and leaves them in a scratch file;
            results are the same to the bit. It needs a dense matrix or a sparse one by rows (CSR). auto maps what would
            take more than half of the free memory.
        hide: fraction of the values to hide, as if they were missing (``vaerun.data.hide.Hide``).
        hide_seed: of the hidden places.

    Raises:
        UserError: a value is out of range, or the package anndata is missing; in ``load``, the file is missing or
        damaged, has no such layer or column, or has values that are not finite.

    Reference: Virshup et al. 2024, anndata: access and store annotated data matrices (the format h5ad).
    """

    def __init__(
        self,
        *,
        path: str | None = None,
        layer: str | None = None,
        label: str | None = None,
        batch: str | None = None,
        split_seed: int = 0,
        valid_fraction: float = 0.1,
        test_fraction: float = 0.1,
        memory: str = "auto",
        hide: float = 0.0,
        hide_seed: int = 0,
    ) -> None:
        if not path:
            raise UserError("data.path must name an h5ad file for data=anndata: give data.path=FILE.")
        refuse_unknown_memory(memory)
        if memory == "map" and hide:
            raise UserError(
                "data.memory=map leaves the values in a file, but data.hide changes them: use data.memory=read."
            )
        self.memory = "read" if hide else memory
        self.split = RandomSplit(seed=split_seed, valid_fraction=valid_fraction, test_fraction=test_fraction)
        self.path = located("data.path", path)
        self.layer, self.label, self.batch = layer, label, batch
        self.hide = Hide(fraction=hide, seed=hide_seed)

    def load(self) -> Dataset:
        with h5ad(self.path) as file:
            names, variables = file.names(), file.variables()
            labels, label_names = self._labels(file)
            given, given_names = self._batches(file)
            places = self.split.rows(len(names), self.path)
            train, valid, test = self._rows(file, places)
        data = assemble(
            self.path.name,
            (train, valid, test),
            shape=(train.shape[1],),
            scale=1.0,
            choice=binarization("none", seed=0),
            said=[] if self.layer is None else [f"layer {self.layer}"],
            warnings=list(empty(train, valid, test)),
        )
        batches = [name.removeprefix(f"{self.batch}=") for name in given_names]
        data = replace(data, treatment={**data.treatment, "variables": hashed(variables), "batches": batches})
        return self.hide(data).annotated(
            places, given=given, given_names=given_names, labels=labels, label_names=label_names, names=names
        )

    def load_new(self, treatment: Mapping[str, Any]) -> Dataset:
        with h5ad(self.path) as file:
            names = file.names()
            if treatment.get("variables") not in (None, hashed(file.variables())):
                raise UserError(
                    f"{self.path} must have the variables (var_names) of the training data, in the same order: write "
                    "new[:, old.var_names] with write_h5ad, where old is the training data."
                )
            labels, label_names = self._labels(file) if file.has_column(self.label) else (None, [])
            given, given_names = self._batches(file, treatment.get("batches"))
            (rows,) = self._rows(file, [torch.arange(len(names))])
        new = assemble_new(
            self.path.name,
            rows,
            shape=(rows.shape[1],),
            scale=1.0,
            choice=binarization("none", seed=0),
            said=[] if self.layer is None else [f"layer {self.layer}"],
        )
        c = None if given is None else Covariates(given, tuple(given_names))
        new = given_new(new, c, labels=labels)
        return replace(new, labels=tuple(label_names), names=tuple(names), warnings=(*new.warnings, *empty(rows)))

    def _rows(self, file: H5ad, places: Sequence[Tensor]) -> list[Rows]:
        """The rows at these places, each [N, X].

        Raises:
            UserError: a value is not finite.
        """
        count = sum(map(len, places))
        mapped = file.rows(self.layer, self.memory)
        values = file.values(self.layer) if mapped is None else mapped
        if values.shape[0] != count:
            raise DamagedFileError(f"obs has {count} rows and the values have {values.shape[0]}")
        if mapped is not None:
            rows = scratch_rows(mapped, self.path)
            found: list[Rows] = [rows.at(own) for own in places]
        else:
            kind = smallest_type(numbers_of(values))
            dense = isinstance(values, np.ndarray) and values.dtype == kind
            refuse_too_large(values.shape[0] * values.shape[1], 0 if dense else np.dtype(kind).itemsize)
            found = [stored(values, own, kind) for own in places]
        if not all(bool(part.isfinite().all()) for x in found for part in in_any_order(x, CHUNK)):
            raise UserError(
                f"every value of {self.path} must be finite in float32: remove the rows with nan or infinity."
            )
        return found

    def _labels(self, file: H5ad) -> tuple[Tensor | None, list[str]]:
        """The class of every row, Int[Tensor, "R"], and the names of the classes."""
        if self.label is None:
            return None, []
        codes, names = file.column("data.label", self.label)
        return torch.from_numpy(codes.astype(np.int64)), names

    def _batches(self, file: H5ad, known: Sequence[str] | None = None) -> tuple[Tensor | None, list[str]]:
        """The batch of every row as one-hot numbers, Float[Tensor, "R C"], and their names.

        Args:
            file: the file.
            known: the batches of the training data; None if these are the training data.
        """
        if self.batch is None:
            return None, []
        codes, own = file.column("data.batch", self.batch)
        if (codes < 0).any():
            raise UserError(
                f"data.batch={self.batch} must have a value for every point, but {int((codes < 0).sum()):,} of "
                f"{len(codes):,} in {self.path} have none: fill them in, or use another column."
            )
        names = own if known is None else list(known)
        used = [own[code] for code in np.unique(codes)]
        if other := [name for name in used if name not in names]:
            raise UserError(
                f"{self.path} has points with {self.batch}={other[0]}, but the run was trained on "
                f"{', '.join(names)}: leave these points out.{close_match(other[0], names)}"
            )
        places = np.array([names.index(name) if name in names else -1 for name in own])
        hot = one_hot(torch.from_numpy(places[codes]), len(names)).float()
        return hot, [f"{self.batch}={name}" for name in names]


def hashed(variables: Sequence[str]) -> str:
    """The SHA-256 hash of names in their order."""
    return hashlib.sha256("\n".join(variables).encode()).hexdigest()


def numbers_of(values: Any) -> Iterator[np.ndarray]:
    """The stored numbers of a matrix in memory, in parts."""
    held = values if isinstance(values, np.ndarray) else values.data
    for start in range(0, len(held), CHUNK * 64):
        yield held[start : start + CHUNK * 64]


def smallest_type(parts: Iterable[np.ndarray]) -> type:
    """The smallest type that holds all numbers: whole numbers ≥ 0 of one to four bytes, or float32."""
    largest = 0
    for part in parts:
        if not (np.isfinite(part) & (part >= 0) & (part == np.round(part))).all():
            return np.float32
        largest = max(largest, part.max(initial=0))
    return next((kind for kind in SMALLEST if largest <= np.iinfo(kind).max), np.float32)


def scratch_rows(matrix: MatrixRows, path: Path) -> MappedRows:
    """All rows of a matrix that is larger than memory, dense and of the smallest type, in a scratch file."""
    kind = smallest_type(matrix.stored())
    dtype = torch.from_numpy(np.empty(0, kind)).dtype
    with np.errstate(over="ignore"):
        parts: Iterator[np.ndarray] = (part.astype(kind) for part in matrix.parts())
        return write_rows(parts, matrix.shape[0], matrix.shape[1], dtype, f"{path}")


def stored(values: Any, rows: Tensor, kind: type) -> Tensor:
    """Some rows of a matrix, dense and of that type, [N, X]."""
    x = np.empty((len(rows), values.shape[1]), kind)
    for start in range(0, len(rows), CHUNK):
        part = values[rows[start : start + CHUNK].numpy()]
        x[start : start + CHUNK] = part if isinstance(part, np.ndarray) else part.toarray()
    return torch.from_numpy(x)


def empty(*splits: Rows) -> Iterator[str]:
    """A warning for points that are all 0."""
    count = sum(int((part == 0).all(1).sum()) for x in splits for part in in_any_order(x, CHUNK))
    if count:
        have = counted(count, "point has", "points have")
        yield f"{have} no count other than 0, which says nothing about z: remove them from the file."
