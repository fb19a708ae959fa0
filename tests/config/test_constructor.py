"""The ranges of a constructor's parameters, read from its source, are those that it refuses by."""

import inspect
import math
from pathlib import Path

import pytest
from hydra.utils import get_class

from vaerun.config import hydra, ranges
from vaerun.config.catalogue import Catalogue
from vaerun.config.class_info import class_info
from vaerun.config.constructor import Range
from vaerun.errors import UserError
from vaerun.trainer.trainer import Trainer

LAB = """
from dataclasses import dataclass
from vaerun.config.ranges import above, at_least, below, between
from vaerun.config import ranges

LEAST = 3

class Base:
    def __init__(self, *, size: int, rate: float = 1.0):
        at_least("lab.size", size, 2, "use 2")
        ranges.between("lab.rate", rate, -1, high=1.5)

class Plain(Base): ...

class Handed(Base):
    def __init__(self, *, width: int, rate: float, other: int, step: float):
        super().__init__(size=width, rate=rate * 2)
        below("lab.step", step, 0, 1, remedy=f"not {step}")
        at_least("lab.other", other, LEAST)
        if other:
            at_least("lab.other", other, 5)
        self.whole = Whole(count=other)

class Alone(Base):
    def __init__(self, *, size: int):
        self.size = size

@dataclass(frozen=True)
class Whole:
    count: int = 1

    def __post_init__(self):
        above("lab.count", self.count, 0)

class Own:
    def __init__(self, *, depth: int):
        at_least("lab.depth", depth, 1)
        self.inner = Own(depth=depth) if depth > 1 else None
        self.twin = Own(depth=depth)

def at_most(key, value, most): ...

class Foreign:
    def __init__(self, *, size: int):
        at_most("lab.size", size, 3)
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "ranged.py").write_text(LAB)
    monkeypatch.syspath_prepend(tmp_path)
    return "ranged"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Base", {Range("size", "at_least", (2,), "use 2"), Range("rate", "between", (-1, 1.5))}),
        ("Plain", {Range("size", "at_least", (2,), "use 2"), Range("rate", "between", (-1, 1.5))}),
        (
            "Handed",
            {
                Range("width", "at_least", (2,), "use 2"),
                Range("step", "below", (0, 1)),
                Range("other", "above", (0,)),
            },
        ),
        ("Alone", set()),
        ("Whole", {Range("count", "above", (0,))}),
        ("Own", {Range("depth", "at_least", (1,))}),
        ("Foreign", set()),
    ],
)
def test_calls_are_read_through_bases_and_what_is_handed_on(lab: str, name: str, expected: set[Range]) -> None:
    found = class_info(f"{lab}.{name}").ranges
    assert len(found) == len(set(found))
    assert set(found) == expected


def test_a_trainer_is_held_to_the_ranges_of_its_budget() -> None:
    found = {(one.parameter, one.rule, one.bounds) for one in class_info("vaerun.trainer.trainer.Trainer").ranges}
    assert {("epochs", "at_least", (1,)), ("batch_size", "at_least", (1,)), ("max_seconds", "above", (0,))} <= found
    with pytest.raises(UserError, match=r"trainer\.epochs must be at least 1, got 0\."):
        Trainer(epochs=0)


def outside(one: Range) -> float:
    """A value that the rule refuses."""
    return one.bounds[0] - (0 if one.rule == "above" else 1)


RANGED = [
    (option, one)
    for options in Catalogue([hydra.own_directory()]).groups.values()
    for option in options.values()
    for one in (option.info.ranges if option.info else ())
]


@pytest.mark.parametrize(("option", "one"), RANGED, ids=lambda value: getattr(value, "parameter", str(value)))
def test_every_shipped_range_is_about_a_parameter_and_refuses(option, one: Range) -> None:
    kind = get_class(str(option.content["_target_"]))
    assert one.parameter in inspect.signature(kind).parameters
    key = f"{option.group.replace('/', '.')}.{one.parameter}"
    with pytest.raises(UserError, match=f"{key} must be .*, got "):
        one.apply(key, outside(one))
    one.apply(key, None)


@pytest.mark.parametrize(
    ("rule", "bounds", "inside", "out"),
    [
        ("at_least", (2,), (2, 3, math.inf), (1.9, -math.inf, math.nan)),
        ("above", (0,), (1e-9, 5), (0, -1, math.inf, math.nan)),
        ("between", (0, 1), (0, 0.5, 1), (-0.1, 1.1, math.nan)),
        ("below", (0, 1), (0, 0.5), (1, -0.1, math.nan)),
    ],
)
def test_rules(rule: str, bounds: tuple[float, ...], inside: tuple[float, ...], out: tuple[float, ...]) -> None:
    for value in (*inside, None):
        ranges.RULES[rule]("a.b", value, *bounds)
    for value in out:
        with pytest.raises(UserError, match=rf"^a\.b must be .*, got {value}: use c\.$"):
            ranges.RULES[rule]("a.b", value, *bounds, "use c")
