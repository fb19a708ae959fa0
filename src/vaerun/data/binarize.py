"""p in [0, 1] ↦ x in {0, 1}: four ways to binarise grey values. Reported bounds depend on the choice, by nats.

========= ================================================== ============================== ==========
choice    train                                              valid, test                    support
========= ================================================== ============================== ==========
static    x ~ Bernoulli(p), drawn once by ``binarize_seed``  the same                       binary
dynamic   x ~ Bernoulli(p), sampled at each visit            drawn once, as under static    binary
threshold x = 1[p > 1/2]                                     the same                       binary
none      x = p                                              the same                       as found
========= ================================================== ============================== ==========

Under ``dynamic``, valid and test are the same samples as under ``static`` with the same ``binarize_seed``, so that
evaluations of different epochs, runs and of the two choices are comparable. ``binarize_seed`` is independent of the
seed of the run. Data in {0, 1} are not changed by ``static``, ``threshold`` and ``none``; ``dynamic`` is refused. A
missing value (nan) stays missing.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, final

import torch
from torch import Tensor

from vaerun.data.base import Support
from vaerun.data.mapped import Rows, empty_rows
from vaerun.data.split import Redrawn, Scaled, Split
from vaerun.data.stream import stream
from vaerun.errors import UserError, close_match

SLACK = 1e-6
"""How far a scaled float32 value may lie outside [0, 1] because of rounding."""


class Binarization(ABC):
    """p = scale · row ↦ x: a way to binarise a split."""

    name: ClassVar[str]
    does: ClassVar[str]  # in words, for the log of a run; empty if it changes no value

    def __init__(self, *, seed: int) -> None:
        stream("data.binarize_seed", seed)
        self.seed = seed

    @abstractmethod
    def check(self, *, support: Support, low: float, high: float, scale: float) -> None:
        """Refuses scaled values between ``low`` and ``high`` that cannot be binarised in this way.

        Raises:
            UserError: the binarisation does not fit the values.
        """

    @abstractmethod
    def train(self, x: Rows, scale: float) -> Split:
        """The training split, from stored rows x [N, X]."""

    @abstractmethod
    def held_out(self, x: Rows, scale: float, *, place: int) -> Split:
        """A validation (``place`` 1) or test (2) split, from stored rows x [N, X]."""


@final
class Static(Binarization):
    """x ~ Bernoulli(p), sampled once, from a separate generator.

    Reference: Salakhutdinov & Murray 2008, On the Quantitative Analysis of Deep Belief Networks.
    """

    name: ClassVar[str] = "static"
    does: ClassVar[str] = "each drawn once as 0 or 1, with the value as the probability of 1"

    def check(self, *, support: Support, low: float, high: float, scale: float) -> None:
        _need_probabilities(self.name, low, high, scale)

    def train(self, x: Rows, scale: float) -> Split:
        return self.held_out(x, scale, place=0)

    def held_out(self, x: Rows, scale: float, *, place: int) -> Split:
        generator = stream("data.binarize_seed", self.seed, place)
        return _stored(x, lambda rows: torch.rand(rows.shape, generator=generator) < rows * scale)


@final
class Dynamic(Binarization):
    """x ~ Bernoulli(p), sampled at each visit of a training point; valid and test are sampled once, as by ``static``.

    Reference: Burda et al. 2016, Importance Weighted Autoencoders.
    """

    name: ClassVar[str] = "dynamic"
    does: ClassVar[str] = "each training value drawn anew as 0 or 1 at every visit, the others once"

    def check(self, *, support: Support, low: float, high: float, scale: float) -> None:
        _need_probabilities(self.name, low, high, scale)
        if support == "binary":
            raise UserError(
                f"data.binarize={self.name} needs grey values, but the data are already in {{0, 1}}: use "
                "data.binarize=none."
            )

    def train(self, x: Rows, scale: float) -> Split:
        return Split(x, Redrawn(scale))

    def held_out(self, x: Rows, scale: float, *, place: int) -> Split:
        return Static(seed=self.seed).held_out(x, scale, place=place)


@final
class Threshold(Binarization):
    """x = 1 where p > 1/2, else 0."""

    name: ClassVar[str] = "threshold"
    does: ClassVar[str] = "values above 1/2 set to 1, the others to 0"

    def check(self, *, support: Support, low: float, high: float, scale: float) -> None:
        _need_probabilities(self.name, low, high, scale)

    def train(self, x: Rows, scale: float) -> Split:
        return self.held_out(x, scale, place=0)

    def held_out(self, x: Rows, scale: float, *, place: int) -> Split:
        return _stored(x, lambda rows: rows * scale > 0.5)


@final
class NoBinarization(Binarization):
    """x = p: the scaled values, without binarisation."""

    name: ClassVar[str] = "none"
    does: ClassVar[str] = ""

    def check(self, *, support: Support, low: float, high: float, scale: float) -> None:
        return

    def train(self, x: Rows, scale: float) -> Split:
        return self.held_out(x, scale, place=0)

    def held_out(self, x: Rows, scale: float, *, place: int) -> Split:
        return Split(x, Scaled(scale))


CHOICES: dict[str, type[Binarization]] = {
    choice.name: choice for choice in (Static, Dynamic, Threshold, NoBinarization)
}


def binarization(name: str, *, seed: int) -> Binarization:
    """The binarisation of that name.

    Raises:
        UserError: there is no such binarisation, or the seed is not a whole number ≥ 0.
    """
    if name not in CHOICES:
        raise UserError(
            f"data.binarize must be one of {', '.join(CHOICES)}, got {name}.{close_match(str(name), CHOICES)}"
        )
    return CHOICES[name](seed=seed)


def _stored(x: Rows, draw: Callable[[Tensor], Tensor]) -> Split:
    """A split of {0, 1}, computed in chunks from stored rows, in place if these are uint8 in memory.

    From the rows of a mapped file, which is not changed, they go to a scratch file. Rows in which values are missing
    stay float32, which keeps nan.
    """
    absent = isinstance(x, Tensor) and x.is_floating_point() and bool(x.isnan().any())
    if isinstance(x, Tensor):
        dtype = torch.float32 if absent else torch.uint8
        places = x if x.dtype == torch.uint8 else torch.empty(x.shape, dtype=dtype)
        stored = Split(places)
    else:
        file = empty_rows(len(x), x.shape[1], torch.uint8, "data.binarize")
        stored, places = Split(file), file.x
    for place, rows in zip(Split(places).chunks(), Split(x).chunks(), strict=True):
        place.copy_(draw(rows))
        if absent:
            place.masked_fill_(rows.isnan(), math.nan)
    return stored


def _need_probabilities(name: str, low: float, high: float, scale: float) -> None:
    if low >= -SLACK and high <= 1 + SLACK:
        return
    largest = high / scale
    fits = 1 / 255 if 127 < largest <= 255 else 1 / largest if largest > 0 else 1.0
    remedy = "map the data to [0, 1] first" if low < -SLACK else f"use data.scale={fits!r}"
    raise UserError(
        f"data.binarize={name} needs values between 0 and 1, got {low:.6g} to {high:.6g} at data.scale={scale:.6g}: "
        f"{remedy}, or use data.binarize=none with a likelihood for real data."
    )
