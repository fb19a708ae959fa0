"""The space of a search, read from the overrides of Hydra as they are typed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.types import ChoiceSweep, Glob, IntervalSweep, Override, RangeSweep

from vaerun.errors import UserError

LOG, INT = "log", "int"  # tags of an interval


@dataclass(frozen=True)
class Numbers:
    """Numbers from ``low`` to ``high``, both included.

    Attributes:
        low, high: the ends; both int for integers.
        step: the distance of neighbours; None for all numbers.
        log: whether the logarithm is searched evenly.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False

    @property
    def integer(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)

    def text(self, value: Any) -> str:
        """The value as it is typed.

        Raises:
            ValueError: it is not of this dimension.
        """
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not self.low <= value <= self.high:
            raise ValueError(value)
        return repr(int(value) if self.integer else float(value))


@dataclass(frozen=True)
class Choices:
    """One of several texts, each as it is typed."""

    values: tuple[str, ...]

    def text(self, value: Any) -> str:
        """The value as it is typed.

        Raises:
            ValueError: it is not of this dimension.
        """
        if value not in self.values:
            raise ValueError(value)
        return str(value)


Dimension = Numbers | Choices


@dataclass(frozen=True)
class Space:
    """What is searched.

    Attributes:
        fixed: overrides of every trial.
        dimensions: by key.
    """

    fixed: tuple[str, ...]
    dimensions: Mapping[str, Dimension]

    def words(self, params: Mapping[str, Any]) -> list[str]:
        """The overrides of a trial.

        Raises:
            ValueError: a value is missing, or not of the space.
        """
        if params.keys() != self.dimensions.keys():
            raise ValueError(f"{sorted(params)} are not the keys of the space")
        return [*self.fixed, *(f"{key}={self.dimensions[key].text(params[key])}" for key in self.dimensions)]

    def examples(self) -> Iterator[list[str]]:
        """Overrides with the first value of each key, and then with each other choice in its place."""
        first = {key: one.values[0] if isinstance(one, Choices) else one.low for key, one in self.dimensions.items()}
        yield self.words(first)
        for key, one in self.dimensions.items():
            for value in one.values[1:] if isinstance(one, Choices) else ():
                yield self.words({**first, key: value})


def read_space(words: Sequence[Override]) -> Space:
    """The space that overrides describe. An override with one value is fixed.

    Raises:
        UserError: a range is empty or has a wrong tag, or nothing is searched.
    """
    fixed: list[str] = []
    dimensions: dict[str, Dimension] = {}
    for word in words:
        key = word.get_key_element()
        if word.is_delete():
            raise UserError(f"{key} removes a key, which a search cannot do: set its value instead.")
        if not word.is_sweep_override():
            fixed.append(f"{key}={word.get_value_element_as_str()}")
            continue
        one = _dimension(word)
        if isinstance(one, Choices) and len(one.values) == 1:
            fixed.append(f"{key}={one.values[0]}")
        else:
            dimensions[key] = one
    if not dimensions:
        raise UserError(
            "a search needs a key with several values: give KEY=interval(A,B), KEY=range(A,B), or KEY=A,B,..."
        )
    return Space(tuple(fixed), dimensions)


def _dimension(word: Override) -> Dimension:
    value: Any = word.value()
    tags = {str(tag) for tag in getattr(value, "tags", ())}
    typed = str(word.input_line)
    made: Callable[[str, Any, set[str]], Dimension]
    kinds = {IntervalSweep: _interval, RangeSweep: _range}
    made = next((made for kind, made in kinds.items() if isinstance(value, kind)), _choices)
    if made is not _interval and tags:
        raise UserError(f"{typed} has the tag {min(tags)}, but only interval() can have one: leave it out.")
    if isinstance(value, (ChoiceSweep, Glob, RangeSweep)):
        texts = tuple(word.sweep_string_iterator())
        return made(typed, texts if made is _choices else value, tags)
    return made(typed, value, tags)


def _choices(typed: str, texts: Any, tags: set[str]) -> Choices:
    return Choices(tuple(dict.fromkeys(texts)))


def _range(typed: str, value: Any, tags: set[str]) -> Dimension:
    start, stop, step = value.start, value.stop, value.step
    values: list[float] = []
    while step > 0 and (now := start + len(values) * step) < stop and len(values) < 10**6:
        values.append(now)
    if len(values) < 2:
        raise UserError(f"{typed} must have at least two values, from the first number up to below the second.")
    return Numbers(values[0], values[-1], step)


def _interval(typed: str, value: Any, tags: set[str]) -> Numbers:
    unknown = tags - {LOG, INT}
    if unknown:
        raise UserError(f"{typed} has the tag {min(unknown)}: interval() can have the tags {LOG} and {INT}.")
    low, high = value.start, value.end
    if INT in tags:
        if low != int(low) or high != int(high):
            raise UserError(f"{typed} must have two integers, because it has the tag {INT}.")
        low, high = int(low), int(high)
    if not low < high:
        raise UserError(f"{typed} must have a first number below the second one.")
    if LOG in tags and not low > 0:
        raise UserError(f"{typed} must be above 0, because it has the tag {LOG}.")
    return Numbers(low, high, log=LOG in tags)
