"""Metrics of a run at a given cost: the last record of metrics.jsonl at or before that cost."""

import json
import mmap
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from vaerun.errors import UserError, close_match
from vaerun.system.files import UnsafeFileError, open_to_read

COSTS = {"steps": "step", "seconds": "train_seconds", "decoder_evaluations": "decoder_evaluations"}
LARGEST = 2**30  # bytes of a metrics.jsonl that is read
LONGEST = 2**20  # bytes of one record
VALIDATION = "elbo/valid"  # the end of the tags elbo/valid and pseudo_elbo/valid


class At(NamedTuple):
    """An amount of one cost, such as 60 seconds of training steps."""

    cost: str
    amount: float

    @property
    def words(self) -> str:
        """``60 seconds``"""
        unit = self.cost.replace("_", " ")
        number = f"{self.amount:,.0f}" if self.amount == int(self.amount) else f"{self.amount:.3g}"
        return f"{number} {unit.rstrip('s') if self.amount == 1 else unit}"


class Reading(NamedTuple):
    """A record, or the reason why there is none."""

    record: Mapping[str, Any] | None
    reason: str | None = None


def parse(text: str) -> At:
    """``COST=AMOUNT``.

    Raises:
        UserError: the form is wrong, the cost does not exist, or the amount is not a positive number.
    """
    cost, equals, amount = text.partition("=")
    if not equals or cost not in COSTS:
        near, known = close_match(cost, COSTS), ", ".join(f"{name}=…" for name in COSTS)
        raise UserError(f"{text} is no cost at which runs are compared.{near} Give one of {known}, such as steps=1000.")
    try:
        number = float(amount.replace("_", ""))
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise UserError(f"{text} needs a positive number, such as {cost}=1000.")
    return At(cost, number)


def read_at(path: Path, at: At) -> Reading:
    """The last record with a validation bound whose cost is at most ``at``, without interpolation.

    Costs never decrease in the file, so the record is found by bisection, which parses only a few lines.
    A run that ended before this cost has no such record.
    """
    try:
        with open_to_read(path) as file:
            if os.fstat(file.fileno()).st_size > LARGEST:
                return Reading(None, f"its metrics.jsonl has more than {LARGEST:,} bytes")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
                return _search(text, at)
    except UnsafeFileError:
        return Reading(None, "its metrics.jsonl cannot be read, because it is not a regular file")
    except FileNotFoundError:
        return Reading(None, "it has no metrics.jsonl")
    except OSError as error:
        return Reading(None, f"its metrics.jsonl cannot be read, {error.strerror}")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Reading(None, "its metrics.jsonl is empty or damaged")


def _search(text: mmap.mmap, at: At) -> Reading:
    key = COSTS[at.cost]
    end = text.rfind(b"\n") + 1  # a killed run leaves the last line half-written
    if end == 0:
        return Reading(None, "it has no record yet")
    final = _record(text, end - 1)[key]
    if final < at.amount:
        return Reading(None, f"it has reached only {At(at.cost, final).words}")
    low, high = 0, end  # both are starts of lines: lines before low are within the cost, lines from high on beyond it
    while low < high:
        start = text.rfind(b"\n", low, (low + high) // 2) + 1 or low
        after = text.find(b"\n", start) + 1
        if _parsed(text, start, after)[key] <= at.amount:
            low = after
        else:
            high = start
    found = text.rfind(f'{VALIDATION}"'.encode(), 0, low)
    if found < 0:
        return Reading(None, f"it had recorded no validation bound by {at.words}")
    return Reading(_record(text, found))


def _record(text: mmap.mmap, place: int) -> Mapping[str, Any]:
    """The record of the line at byte ``place``; a newline belongs to the line that it ends."""
    return _parsed(text, text.rfind(b"\n", 0, place) + 1, text.find(b"\n", place))


def _parsed(text: mmap.mmap, start: int, end: int) -> Any:
    """The record between two bytes.

    Raises:
        ValueError: it is no JSON, or too long for a record.
    """
    if end - start > LONGEST:
        raise ValueError("too long for a record")
    return json.loads(text[start:end])
