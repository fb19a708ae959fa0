"""Rows [N, X] of a file that is mapped into memory: only rows that are asked for are read."""

import mmap
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, final

import numpy as np
import torch
from torch import Tensor

from vaerun.data.free_memory import free_memory
from vaerun.errors import RunError, UserError
from vaerun.system.scratch import Mapping, scratch

BLOCK = 2**28  # bytes of rows that are read at a time when all are used
FEW = 4096  # rows of a batch: so few are far apart in a large file, and their order does not matter
ALIGNED = mmap.ALLOCATIONGRANULARITY
CHOICES = ("auto", "read", "map")


@final
class MappedFile:
    """A part of an open file, mapped for reading.

    Args:
        stream: the file; it may be closed afterwards.
        name: in error messages.
        start: bytes before the part.
        size: bytes of the part.
    """

    def __init__(self, stream: IO[bytes], name: object, *, start: int, size: int) -> None:
        self.name, self.start, self.offset = name, start, start % ALIGNED
        memory = mmap.mmap(stream.fileno(), size + self.offset, access=mmap.ACCESS_READ, offset=start - self.offset)
        self.mapping = Mapping(memory, stream.fileno())
        self.state = self._state()

    def bytes(self) -> np.ndarray:
        """The part, uint8 [size]; it cannot be written."""
        return np.frombuffer(self.mapping.memory, np.uint8)[self.offset :]

    def check(self) -> None:
        """Refuses a file that has changed.

        Raises:
            RunError: it has.
        """
        if self._state() != self.state:
            raise RunError(
                f"another program changed {self.name} while it was in use: restore the file, then resume the run."
            )

    def _state(self) -> tuple[int, int]:
        found = os.fstat(self.mapping.handle)
        return found.st_size, found.st_mtime_ns


@final
class MappedRows:
    """Rows [N, X] of a mapped file, used in the place of a tensor: what is selected from them is a tensor.

    Args:
        x: all rows of the file, Tensor [R, X] in mapped memory.
        mapping: of ``x``.
        file: the file, to notice changes; None for a scratch file.
        places: which rows of ``x`` these are, Int[Tensor, "N"]; None for all in order.
        device: where selected rows go.
    """

    ndim = 2

    def __init__(
        self,
        x: Tensor,
        mapping: Mapping,
        *,
        file: MappedFile | None = None,
        places: Tensor | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.x, self.mapping, self.file, self.places = x, mapping, file, places
        self.device = torch.device(device)
        self.row_bytes = x.shape[1] * x.element_size()
        self.is_fetched = 2 * mapping.size > free_memory()  # otherwise most rows are soon in the system's memory

    def __len__(self) -> int:
        return len(self.x) if self.places is None else len(self.places)

    @property
    def shape(self) -> torch.Size:
        """N and X."""
        return torch.Size((len(self), self.x.shape[1]))

    @property
    def dtype(self) -> torch.dtype:
        """Of the stored values."""
        return self.x.dtype

    def numel(self) -> int:
        """N · X."""
        return len(self) * self.x.shape[1]

    def index_select(self, dim: int, index: Tensor) -> Tensor:
        """The rows at ``index`` Int[Tensor, "B"], a tensor [B, X] on the device."""
        assert dim == 0
        places = index.cpu()
        if self.places is not None:
            places = self.places.index_select(0, places)
        if self.file is not None:
            self.file.check()
        self.mapping.use(len(places) * max(self.row_bytes, mmap.PAGESIZE))
        if len(places) <= FEW and self.is_fetched:
            start = 0 if self.file is None else self.file.start
            self.mapping.fetch((start + self.row_bytes * place for place in places.tolist()), self.row_bytes)
        if len(places) <= FEW or bool((places[1:] >= places[:-1]).all()):
            return self.x.index_select(0, places).to(self.device)
        # Many rows share pages: in the order of the file every page is read once.
        ordered, order = places.sort()
        rows = torch.empty(len(places), self.x.shape[1], dtype=self.x.dtype)
        rows.index_copy_(0, order, self.x.index_select(0, ordered))
        return rows.to(self.device)

    def __getitem__(self, index: int | slice) -> Tensor:
        if isinstance(index, slice):
            return self.index_select(0, torch.arange(*index.indices(len(self))))
        return self.index_select(0, torch.tensor([range(len(self))[index]]))[0]

    def split(self, size: int) -> Iterator[Tensor]:
        """The rows in order, at most ``size`` at a time."""
        block = max(1, BLOCK // self.row_bytes // size) * size
        self.mapping.at_random(False)
        try:
            for start in range(0, len(self), block):
                yield from self[start : start + block].split(size)
        finally:
            self.mapping.at_random(True)

    def at(self, places: Tensor) -> "MappedRows":
        """The rows at ``places`` Int[Tensor, "M"], still in the file."""
        if self.places is not None:
            places = self.places.index_select(0, places)
        return MappedRows(self.x, self.mapping, file=self.file, places=places, device=self.device)

    def in_file_order(self) -> "MappedRows":
        """The same rows in the order of the file, for what does not depend on their order."""
        places = None if self.places is None else self.places.sort().values
        return MappedRows(self.x, self.mapping, file=self.file, places=places, device=self.device)

    def min(self) -> Tensor:
        """The smallest value."""
        return torch.stack([rows.min() for rows in self.in_file_order().split(FEW)]).min()

    def max(self) -> Tensor:
        """The largest value."""
        return torch.stack([rows.max() for rows in self.in_file_order().split(FEW)]).max()

    def to(self, device: torch.device | str) -> "MappedRows":
        """The rows, which stay in the file; what is selected goes to ``device``."""
        return MappedRows(self.x, self.mapping, file=self.file, places=self.places, device=device)


Rows = Tensor | MappedRows
"""Stored rows [N, X], in memory or in a mapped file."""


def selected(rows: Rows, places: Tensor) -> Rows:
    """The rows at ``places`` Int[Tensor, "M"]: a copy in memory, or still in the file."""
    return rows[places] if isinstance(rows, Tensor) else rows.at(places)


def joined(parts: Sequence[Rows]) -> Rows:
    """The rows of all parts: a copy in memory, or still in the file if they are of one file."""
    first = parts[0]
    if isinstance(first, MappedRows) and all(isinstance(part, MappedRows) and part.x is first.x for part in parts):
        places = [torch.arange(len(p)) if p.places is None else p.places for p in parts if isinstance(p, MappedRows)]
        return MappedRows(first.x, first.mapping, file=first.file, places=torch.cat(places), device=first.device)
    return torch.cat([part if isinstance(part, Tensor) else part[:] for part in parts])


def in_any_order(rows: Rows, size: int) -> Iterable[Tensor]:
    """All rows, at most ``size`` at a time, in the order in which they are read fastest."""
    return rows.split(size) if isinstance(rows, Tensor) else rows.in_file_order().split(size)


def from_file(array: np.ndarray, file: MappedFile) -> MappedRows:
    """Rows [N, X] of a file, from an array in its mapping."""
    with warnings.catch_warnings():  # torch warns of memory that cannot be written; nothing writes to these rows
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        x = torch.from_numpy(array)
    file.mapping.at_random(True)
    return MappedRows(x, file.mapping, file=file)


def empty_rows(count: int, width: int, dtype: torch.dtype, what: str) -> MappedRows:
    """Rows [N, X] of zeros in a scratch file; write to ``.x``.

    Args:
        count: N.
        width: X.
        dtype: of the values.
        what: what they are for, the beginning of an error message.

    Raises:
        UserError: the disk has no space for them.
    """
    size = count * width * dtype.itemsize
    mapping = scratch(size, what)
    mapping.at_random(True)
    return MappedRows(torch.frombuffer(mapping.memory, dtype=dtype).view(count, width), mapping)


def write_rows(chunks: Iterable[np.ndarray], count: int, width: int, dtype: torch.dtype, what: str) -> MappedRows:
    """Chunks [n, X] of numbers, one after the other, as rows [N, X] of a scratch file.

    This is how a source reads a file that is larger than memory and cannot be mapped, such as Parquet: it is read once,
    part by part.

    Args:
        chunks: arrays of numbers that ``dtype`` can hold; nan is a missing value.
        count: N, the rows of all chunks together.
        width: X.
        dtype: of the values.
        what: what they are, the beginning of an error message.

    Raises:
        UserError: the disk has no space for them, or there are more or fewer rows.
    """
    rows, done = empty_rows(count, width, dtype, what), 0
    for chunk in chunks:
        if done + len(chunk) <= count:
            rows.x[done : done + len(chunk)] = torch.from_numpy(np.ascontiguousarray(chunk))
            rows.mapping.use(chunk.shape[0] * width * dtype.itemsize)
        done += len(chunk)
    if done != count:
        raise UserError(f"{what} must hold {count:,} rows, as its header says, got {done:,}: write the file again.")
    return rows


def refuse_unknown_memory(memory: str) -> None:
    """Refuses a value of ``data.memory`` that does not exist.

    Raises:
        UserError: the choices.
    """
    if memory not in CHOICES:
        raise UserError(f"data.memory must be one of {', '.join(CHOICES)}, got {memory!r}.")


def is_mapped(memory: str, count: int, itemsize: int) -> bool:
    """Whether ``count`` values of a file are mapped instead of read, by the key ``data.memory``.

    ``auto`` maps what would take more than half of the free memory.

    Args:
        memory: auto, read or map.
        count: the number of values.
        itemsize: bytes of one value in the file; beside it, at most 4 bytes are stored.
    """
    return memory == "map" or (memory == "auto" and 2 * count * (itemsize + min(itemsize, 4)) > free_memory())
