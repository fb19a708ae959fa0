"""N stored rows and the rule that turns them into points x."""

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import final

import torch
from torch import Tensor

from vaerun.data.mapped import MappedRows, Rows, in_any_order, joined, selected
from vaerun.errors import UserError
from vaerun.execution.random_state import isolated

CHUNK = 256
"""Rows that are converted to float at a time, which bounds the memory of the conversion."""

NUMBERS = 2**15
"""The numbers whose moments are computed at a time. Larger parts take longer, and the C library keeps their memory."""

WHOLE_FROM = 2**24
"""From here on every float32 is a whole number."""


class Visit(ABC):
    """rows ↦ x: the rule that turns stored rows into the points x of a model."""

    @abstractmethod
    def __call__(self, rows: Tensor) -> Tensor:
        """Stored rows [B, X], uint8 or float32, ↦ x [B, X], float32."""

    @abstractmethod
    def moments(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """E[x] and E[x²] of every value, [B, X] float64; the expectation is over the random numbers of a visit."""


@final
@dataclass(frozen=True)
class Scaled(Visit):
    """x = scale · row, the same at every visit."""

    scale: float = 1.0

    def __call__(self, rows: Tensor) -> Tensor:
        x = rows.float()
        return x if self.scale == 1.0 else x * self.scale

    def moments(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        x = rows.double() * self.scale
        return x, x.square()


@final
@dataclass(frozen=True)
class Redrawn(Visit):
    """x ~ Bernoulli(scale · row), sampled at each visit from torch's global generator of the device."""

    scale: float

    def __call__(self, rows: Tensor) -> Tensor:
        # rand < p is several times cheaper on a CPU than bernoulli_; rand is below 1, so p = 1 always gives 1.
        drawn = (torch.rand(rows.shape, device=rows.device) < rows * self.scale).float()
        return drawn.masked_fill_(rows.isnan(), math.nan) if rows.is_floating_point() else drawn

    def moments(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        p = rows.double() * self.scale
        return p, p


@final
@dataclass(frozen=True)
class Dequantised(Visit):
    """x_j = row_j + w_j u_j with u_j ~ U[0, 1), sampled at each visit from torch's global generator of the device.

    Args:
        widths: w, the width of the grid of each coordinate; 0 adds nothing.
    """

    widths: tuple[float, ...]

    def __call__(self, rows: Tensor) -> Tensor:
        return rows.float() + torch.rand(rows.shape, device=rows.device) * _row(self.widths, rows.device)

    def moments(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        widths = _row(self.widths, rows.device).double()
        x = rows.double() + widths / 2
        return x, x.square() + widths.square() / 12


@cache
def _row(values: tuple[float, ...], device: torch.device) -> Tensor:
    return torch.tensor(values, device=device)


@final
@dataclass(frozen=True, eq=False)
class Split:
    """N stored rows [N, X], uint8 or float32, the rule rows ↦ x, and what else is known about the points.

    Args:
        x: the stored rows, in memory or in a mapped file; nan marks a value that is missing.
        rule: rows ↦ values of x.
        given: what the model conditions on, Float[Tensor, "N C"]; None if it conditions on nothing.
        labels: the class of every point, Int[Tensor, "N"], -1 where it is not known; None without labels. No model is
            trained on them.
        source_rows: the row of every point in its source, counted from 0, Int[Tensor, "N"]; None if it has no source.

    Raises:
        UserError: the rows are not a tensor [N, X], or another part has not N rows.
    """

    x: Rows
    rule: Visit = field(default_factory=Scaled)
    given: Tensor | None = None
    labels: Tensor | None = None
    source_rows: Tensor | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.x, (Tensor, MappedRows)) or self.x.ndim != 2:
            found = list(self.x.shape) if isinstance(self.x, Tensor) else type(self.x).__name__
            raise UserError(f"the rows of a Split must be a tensor [N, X], got {found}: Dataset.of(x) makes splits.")
        for name, part in (("given", self.given), ("labels", self.labels), ("source_rows", self.source_rows)):
            if part is not None and len(part) != len(self.x):
                raise UserError(f"{name} must have one row for each of the {len(self.x)} points, got {len(part)}.")

    def __len__(self) -> int:
        return self.x.shape[0]

    def points(self, index: Tensor | slice = slice(None)) -> Tensor:
        """x of all points or of those at ``index``, Float[Tensor, "B X"].

        Where the model conditions on c, the C numbers of c follow those of x, Float[Tensor, "B X+C"].
        """
        x = self.values(index)
        return x if self.given is None else torch.cat((x, at(self.given, index)), 1)

    def values(self, index: Tensor | slice = slice(None)) -> Tensor:
        """x of all points or of those at ``index`` without c, Float[Tensor, "B X"]."""
        return self.rule(at(self.x, index))

    def chunks(self) -> Iterator[Tensor]:
        """The stored rows in order, at most ``CHUNK`` at a time."""
        yield from self.x.split(CHUNK)

    def mean(self) -> Tensor:
        """E[x], float32 [X]: the mean of each coordinate over the points where it is not missing."""
        return self._moments[0].float()

    def std(self) -> float:
        """sqrt(mean over n, j of E[(x_nj − mean_j)²]): the pooled standard deviation.

        Deviations are from the mean of each coordinate, so that different means do not increase it.
        """
        mean, square = self._moments
        return math.sqrt(max((square - mean.square()).mean().item(), 0.0))

    def variances(self) -> Tensor:
        """E[(x_j − mean_j)²], float64 [X]: of each coordinate over the points where it is not missing."""
        mean, square = self._moments
        return (square - mean.square()).clamp(min=0)

    @cached_property
    def _moments(self) -> tuple[Tensor, Tensor]:
        first = torch.zeros(self.x.shape[1], dtype=torch.float64, device=self.x.device)
        second, count = torch.zeros_like(first), torch.zeros_like(first)
        for rows in self.x.split(max(1, NUMBERS // self.x.shape[1])):
            mean, square = self.rule.moments(rows)
            first += mean.nansum(0)
            second += square.nansum(0)
            count += len(mean) - mean.isnan().sum(0)
        return first / count, second / count

    def to(self, device: torch.device | str) -> "Split":
        """The split with all its tensors on ``device``."""
        given, labels, source_rows = (
            None if part is None else part.to(device) for part in (self.given, self.labels, self.source_rows)
        )
        return Split(self.x.to(device), self.rule, given, labels, source_rows)


def at(rows: Rows, index: Tensor | slice) -> Tensor:
    """The rows at these places."""
    return rows[index] if isinstance(index, slice) else rows.index_select(0, index)


def are_counts(rows: Rows, scale: float = 1.0) -> bool:
    """Whether all values scale · row that are not missing are whole numbers ≥ 0, Float[Tensor, "N X"].

    Every float32 above 2^24 is a whole number, so such values alone say nothing: they are no counts.
    """
    could_have_fractions = False
    for part in in_any_order(rows, CHUNK):
        x = Scaled(scale)(part)
        if not bool((((x >= 0) & (x == x.round())) | x.isnan()).all()):
            return False
        could_have_fractions = could_have_fractions or bool((x < WHOLE_FROM).any())
    return could_have_fractions


def pooled(splits: Sequence[Split]) -> Split:
    """The points of several splits as one, in the order of their source if all splits know it.

    Stored rows stay as they are if all splits have one rule that is the same at every visit. Otherwise the points of
    one visit are stored, with the random numbers of seed 0.

    Args:
        splits: of the same source.
    """
    device = splits[0].x.device
    rule = splits[0].rule
    if isinstance(rule, Scaled) and all(split.rule == rule for split in splits):
        x = joined([split.x for split in splits])
    else:
        rule = Scaled()
        with isolated(0, device):
            x = torch.cat([split.values() for split in splits])
    found = [
        None if any(part is None for part in parts) else torch.cat([part for part in parts if part is not None])
        for parts in zip(*((split.given, split.labels, split.source_rows) for split in splits), strict=True)
    ]
    source_rows = found[2]
    order = torch.arange(len(x), device=device) if source_rows is None else source_rows.argsort(stable=True)
    return Split(selected(x, order), rule, *(None if part is None else part[order] for part in found))


def fingerprint(*splits: Split) -> str:
    """sha256 over type, shape, rule and bytes of each split (and of what is given) in order; CPU tensors only."""
    digest = hashlib.sha256()
    for split in splits:
        digest.update(f"{split.x.dtype} {tuple(split.x.shape)} {split.rule!r};".encode())
        for rows in split.chunks():
            digest.update(rows.contiguous().numpy().data)
        if split.given is not None:
            digest.update(split.given.contiguous().numpy().data)
    return digest.hexdigest()
