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
seed of the run. Data in {0, 1} are not changed by ``static``, ``threshold`` and ``none``; ``dynamic`` is refused.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, final

import torch
from torch import Tensor

from vaerun.data.base import Dataset, Redrawn, Scaled, Split, Support, fingerprint
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
    def train(self, x: Tensor, scale: float) -> Split:
        """The training split, from stored rows x [N, X]."""

    @abstractmethod
    def held_out(self, x: Tensor, scale: float, *, place: int) -> Split:
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

    def train(self, x: Tensor, scale: float) -> Split:
        return self.held_out(x, scale, place=0)

    def held_out(self, x: Tensor, scale: float, *, place: int) -> Split:
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

    def train(self, x: Tensor, scale: float) -> Split:
        return Split(x, Redrawn(scale))

    def held_out(self, x: Tensor, scale: float, *, place: int) -> Split:
        return Static(seed=self.seed).held_out(x, scale, place=place)


@final
class Threshold(Binarization):
    """x = 1 where p > 1/2, else 0."""

    name: ClassVar[str] = "threshold"
    does: ClassVar[str] = "values above 1/2 set to 1, the others to 0"

    def check(self, *, support: Support, low: float, high: float, scale: float) -> None:
        _need_probabilities(self.name, low, high, scale)

    def train(self, x: Tensor, scale: float) -> Split:
        return self.held_out(x, scale, place=0)

    def held_out(self, x: Tensor, scale: float, *, place: int) -> Split:
        return _stored(x, lambda rows: rows * scale > 0.5)


@final
class NoBinarization(Binarization):
    """x = p: the scaled values, without binarisation."""

    name: ClassVar[str] = "none"
    does: ClassVar[str] = ""

    def check(self, *, support: Support, low: float, high: float, scale: float) -> None:
        return

    def train(self, x: Tensor, scale: float) -> Split:
        return self.held_out(x, scale, place=0)

    def held_out(self, x: Tensor, scale: float, *, place: int) -> Split:
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


def assemble(
    name: str,
    splits: tuple[Tensor, Tensor, Tensor],
    *,
    shape: tuple[int, ...],
    scale: float,
    choice: Binarization,
    said: Sequence[str] = (),
) -> Dataset:
    """The data set of stored train, valid and test rows, each [N, X] uint8 or finite float32, after binarisation.

    The rows can be overwritten: uint8 rows are binarised in place, so that there is only one copy of them.

    Args:
        name: of the data set.
        splits: the stored rows.
        shape: of one point.
        scale: the factor of stored values.
        choice: the binarisation.
        said: what was done to the values before, in words.

    Raises:
        UserError: the values do not fit the binarisation, the scaled values do not fit into float32, or all training
        points are equal.
    """
    low = min(x.min().item() for x in splits) * scale
    high = max(x.max().item() for x in splits) * scale
    _need_float32(low, high, scale)
    support = _support(splits, scale, low, high)
    choice.check(support=support, low=low, high=high, scale=scale)
    train = choice.train(splits[0], scale)
    if all(bool((rows == train.x[0]).all()) for rows in train.chunks()):
        raise UserError(
            f"the training points must differ, but under data.binarize={choice.name} all {len(train)} of {name} are "
            "the same: check data.scale and the file."
        )
    valid, test = (choice.held_out(x, scale, place=place) for place, x in enumerate(splits[1:], start=1))
    return Dataset(
        name=name,
        train=train,
        valid=valid,
        test=test,
        shape=shape,
        binarize=choice.name,
        support=support if isinstance(choice, NoBinarization) else "binary",
        sha256=fingerprint(train, valid, test),
        values="; ".join([*said, *_in_words(support, scale, choice)]) or "as they are",
    )


def _in_words(support: Support, scale: float, choice: Binarization) -> Iterator[str]:
    """What scale and binarisation do to the values. Data in {0, 1} are not changed by a binarisation."""
    if scale != 1:
        whole = round(1 / scale)
        yield f"divided by {whole}" if abs(whole * scale - 1) < 1e-9 and whole > 1 else f"multiplied by {scale:.6g}"
    if choice.does and support != "binary":
        yield f"{choice.does} (data.binarize={choice.name})"


def _need_float32(low: float, high: float, scale: float) -> None:
    """Refuses a scale that makes values infinite or equal in float32."""
    limit = torch.finfo(torch.float32)
    if not limit.tiny <= scale <= limit.max or max(abs(low), abs(high)) > limit.max:
        raise UserError(
            f"the scaled values must be finite and differ in float32, got data.scale={scale:g} and values up to "
            f"{max(abs(low), abs(high)):g}: use data.scale=1 or another scale that maps them near 1."
        )


def _support(splits: tuple[Tensor, ...], scale: float, low: float, high: float) -> Support:
    if low < -SLACK or high > 1 + SLACK:
        return "real"
    two_values = all(bool(((rows == 0) | (rows * scale == 1)).all()) for x in splits for rows in Split(x).chunks())
    return "binary" if two_values else "unit"


def _stored(x: Tensor, draw: Callable[[Tensor], Tensor]) -> Split:
    """A split of uint8 {0, 1}, computed in chunks from stored rows, in place if these are uint8."""
    drawn = x if x.dtype == torch.uint8 else torch.empty(x.shape, dtype=torch.uint8)
    for place, rows in zip(Split(drawn).chunks(), Split(x).chunks(), strict=True):
        place.copy_(draw(rows))
    return Split(drawn)


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
