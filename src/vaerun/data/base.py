"""rows ↦ x: a data set is three splits of stored rows and a rule that turns rows into points x."""

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, Literal, NamedTuple, final

import torch
from torch import Tensor

from vaerun.data.given import Numbers, float_rows, numbers, split_sizes, whole
from vaerun.data.layout import find_layout, refuse_unknown_layout, said
from vaerun.errors import UserError

Support = Literal["binary", "unit", "real"]
"""The values of x: {0, 1}, [0, 1], or any finite number."""

SplitName = Literal["train", "valid", "test"]

CHUNK = 256
"""Rows that are converted to float at a time, which bounds the memory of the conversion."""


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
        return (torch.rand(rows.shape, device=rows.device) < rows * self.scale).float()

    def moments(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        p = rows.double() * self.scale
        return p, p


@final
@dataclass(frozen=True, eq=False)
class Split:
    """N stored rows [N, X], uint8 or float32, and the rule rows ↦ x."""

    x: Tensor
    rule: Visit = field(default_factory=Scaled)

    def __post_init__(self) -> None:
        if not isinstance(self.x, Tensor) or self.x.ndim != 2:
            found = list(self.x.shape) if isinstance(self.x, Tensor) else type(self.x).__name__
            raise UserError(f"the rows of a Split must be a tensor [N, X], got {found}: Dataset.of(x) makes splits.")

    def __len__(self) -> int:
        return self.x.shape[0]

    def visit(self, rows: Tensor) -> Tensor:
        """Stored rows [B, X] ↦ x [B, X], float32."""
        return self.rule(rows)

    def chunks(self) -> Iterator[Tensor]:
        """The stored rows in order, at most ``CHUNK`` at a time."""
        yield from self.x.split(CHUNK)

    def mean(self) -> Tensor:
        """E[x], float32 [X]: the mean of each coordinate."""
        return self._moments[0].float()

    def std(self) -> float:
        """sqrt(mean over n, j of E[(x_nj − mean_j)²]): the pooled standard deviation.

        Deviations are from the mean of each coordinate, so that different means do not increase it.
        """
        mean, square = self._moments
        return math.sqrt(max((square - mean.square()).mean().item(), 0.0))

    @cached_property
    def _moments(self) -> tuple[Tensor, Tensor]:
        first = torch.zeros(self.x.shape[1], dtype=torch.float64, device=self.x.device)
        second = torch.zeros_like(first)
        for rows in self.chunks():
            mean, square = self.rule.moments(rows)
            first += mean.sum(0)
            second += square.sum(0)
        return first / len(self), second / len(self)

    def to(self, device: torch.device | str) -> "Split":
        """The split with its rows on ``device``."""
        return replace(self, x=self.x.to(device))


class DataInfo(NamedTuple):
    """Name, shape, support and sizes of a data set: a model is built from them, and a run records them."""

    name: str
    binarize: str
    shape: tuple[int, ...]  # of one point
    support: Support
    split_sizes: dict[str, int]
    values: str = ""  # what was done to the values, in words


@final
@dataclass(frozen=True, eq=False)
class Dataset:
    """(train, valid, test): three splits of points of one shape.

    ``shape`` is that of one point: (H, W) or (H, W, C) for images, (X,) for vectors; a stored row has its X values.
    ``binarize`` is the name of the binarisation, ``support`` the set of values of x, and ``sha256`` the hash of the
    data after binarisation, which is equal for two runs on the same data. ``values`` says in words what was done to the
    values between the source and the model.
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

        Raises:
            UserError: a fraction is out of range, a split would be empty, a value is not finite, or ``layout`` is
            needed.
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
        rows = float_rows("x", x)
        generator = torch.Generator().manual_seed(whole("seed", seed, 0))
        rows = rows[torch.randperm(len(x), generator=generator).to(x.device)]
        parts = rows.split(split_sizes(len(x), valid, test))
        low, high = float(rows.min()), float(rows.max())
        binary = bool(((rows == 0) | (rows == 1)).all())
        support: Support = "binary" if binary else "unit" if low >= 0 and high <= 1 else "real"
        train, valid_split, test_split = (Split(part) for part in parts)
        sha256 = fingerprint(*(Split(part.cpu()) for part in parts))
        if x.dtype == torch.float64:
            done.append("float64 rounded to float32")
        values = "; ".join(done) or "as they are"
        return cls(str(name), train, valid_split, test_split, shape, "none", support, sha256, values)

    def info(self) -> DataInfo:
        """What a model needs to be built, besides the moments of the training points."""
        sizes = {"train": len(self.train), "valid": len(self.valid), "test": len(self.test)}
        return DataInfo(self.name, self.binarize, tuple(self.shape), self.support, sizes, self.values)

    @property
    def data_dim(self) -> int:
        """X, the number of values of one point."""
        return math.prod(self.shape)

    def split(self, name: SplitName) -> Split:
        """The split of that name."""
        return {"train": self.train, "valid": self.valid, "test": self.test}[name]

    def mean(self) -> Tensor:
        """Float32 [X]: the mean of each coordinate over the train split."""
        return self.train.mean()

    def std(self) -> float:
        """The pooled standard deviation of the train split around :meth:`mean`."""
        return self.train.std()

    def to(self, device: torch.device | str) -> "Dataset":
        """The data set with its splits on ``device``."""
        return replace(self, train=self.train.to(device), valid=self.valid.to(device), test=self.test.to(device))


class Source(ABC):
    """() ↦ data set: the constructor checks the values, ``load`` reads, downloads or simulates the data."""

    ignores: ClassVar[tuple[str, ...]] = ()  # its keys that have no effect
    ignored_when: ClassVar[Mapping[str, tuple[str, tuple[str, ...]]]] = {
        "binarize_seed": ("binarize", ("none", "threshold"))
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


def fingerprint(*splits: Split) -> str:
    """sha256 over type, shape, rule and bytes of each split in order; CPU tensors only."""
    digest = hashlib.sha256()
    for split in splits:
        digest.update(f"{split.x.dtype} {tuple(split.x.shape)} {split.rule!r};".encode())
        for rows in split.chunks():
            digest.update(rows.contiguous().numpy().data)
    return digest.hexdigest()
