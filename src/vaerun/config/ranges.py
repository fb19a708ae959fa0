"""Range checks for constructors, with errors that state the rule, the value and, if needed, a remedy.

A constructor calls one of these for each value, with the full key. ``vaerun.config.check`` finds the calls in the
source, and applies the same rules to a configuration before torch is imported.
"""

import math
from collections.abc import Callable
from typing import Any

from vaerun.errors import UserError


def at_least(key: str, value: Any, least: float, remedy: str = "") -> None:
    """Refuses a number below ``least``; None, which stands for no limit, passes.

    Raises:
        UserError: the rule, the value, the remedy.
    """
    if value is not None and not value >= least:
        raise UserError(sentence(f"{key} must be at least {least}", value, remedy))


def above(key: str, value: Any, low: float, remedy: str = "") -> None:
    """Refuses a number that is not finite and > ``low``; None passes.

    Raises:
        UserError: the rule, the value, the remedy.
    """
    if value is not None and not low < value < math.inf:
        finite = " and finite" if value == math.inf else ""
        raise UserError(sentence(f"{key} must be > {low}{finite}", value, remedy))


def between(key: str, value: Any, low: float, high: float, remedy: str = "") -> None:
    """Refuses a number outside [``low``, ``high``]; None passes.

    Raises:
        UserError: the rule, the value, the remedy.
    """
    if value is not None and not low <= value <= high:
        raise UserError(sentence(f"{key} must be between {low} and {high}", value, remedy))


def below(key: str, value: Any, low: float, high: float, remedy: str = "") -> None:
    """Refuses a number outside [``low``, ``high``); None passes.

    Raises:
        UserError: the rule, the value, the remedy.
    """
    if value is not None and not low <= value < high:
        limit = "finite" if high == math.inf else f"below {high}"
        raise UserError(sentence(f"{key} must be at least {low} and {limit}", value, remedy))


RULES: dict[str, Callable[..., None]] = {rule.__name__: rule for rule in (at_least, above, between, below)}
"""The checks that ``vaerun.config.check`` looks for in a constructor."""


def sentence(rule: str, value: Any, remedy: str) -> str:
    """``KEY must be at least 2, got 1: REMEDY.``"""
    return f"{rule}, got {value}{': ' if remedy else ''}{remedy}."
