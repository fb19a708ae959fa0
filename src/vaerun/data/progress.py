"""What is read and takes long says so."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from vaerun.system.output import say

T = TypeVar("T")
QUIET = 2.0
"""Seconds before anything is said."""
PAUSE = 0.5
"""Seconds between two figures on a terminal."""


def shown(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """The items; if they take more than 2 seconds, a line on stderr says what is done, on a terminal with their number.

    Args:
        items: in any number.
        total: how many there will be.
        what: is done, such as ``reading the images of FOLDER``.
    """
    start = said = time.monotonic()
    redrawn, begun = sys.stderr.isatty(), False
    try:
        for done, item in enumerate(items):
            now = time.monotonic()
            if now - start > QUIET and (not begun or (redrawn and now - said > PAUSE)):
                said, begun = now, True
                if redrawn:
                    print(f"\r{what}: {done:,} of {total:,}", end="", file=sys.stderr, flush=True)
                else:
                    say(f"{what} ({total:,})")
            yield item
    finally:
        if begun and redrawn:
            print(file=sys.stderr, flush=True)
