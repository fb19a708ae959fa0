"""The answer of a race, for tables of its runs: their own intervals are not valid, because results chose the seeds."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from vaerun.config.command_line import command_line
from vaerun.report.recorded import Recorded, mapping
from vaerun.system import files
from vaerun.system.files import UnsafeFileError

FILE = "race.json"
FURTHER = re.compile(r"hydra\.sweeper\.max_seeds=\d+")
LARGEST = 2**20  # bytes of race.json
NOTE = (
    "the results of a race decide how many seeds each configuration has, so the intervals ± of this table are only "
    "rough, and nothing is marked as best; the intervals of the race hold at any number of seeds, if the differences "
    "over seeds are independent and normal"
)


@dataclass(frozen=True)
class Raced:
    """What a race has written.

    Attributes:
        directory: of the race.
        answer: one sentence or two.
        table: one line for each configuration.
        further: the word that lets the race go on, if its answer is open; empty otherwise.
    """

    directory: Path
    answer: str
    table: tuple[str, ...]
    further: str = ""

    def told(self) -> str:
        """The answer, and how to let the race go on."""
        more = command_line("vaerun", "sweep", str(self.directory), self.further) if self.further else ""
        return f"{self.answer} More seeds: {more}" if more else self.answer


def races(runs: Iterable[Recorded]) -> dict[Path, Raced]:
    """The races that the runs belong to, by their directories."""
    found = {directory: read(directory) for directory in {run.directory.parent for run in runs}}
    return {directory: one for directory, one in sorted(found.items()) if one is not None}


def read(directory: Path) -> Raced | None:
    """The race in a directory; None if there is none. A damaged file still says that there was a race."""
    try:
        content = mapping(json.loads(files.read(directory / FILE, most=LARGEST)))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError, UnsafeFileError):
        content = {}
    answer, table = content.get("answer"), content.get("table")
    if not isinstance(answer, str) or not isinstance(table, list):
        return Raced(directory, f"{directory / FILE} is damaged: vaerun sweep {directory} writes it again.", ())
    further = str(content.get("further"))
    further = further if FURTHER.fullmatch(further) else ""
    return Raced(directory, _line(answer), tuple(map(_line, table)), further)


def answer(found: Mapping[Path, Raced], *, whole: bool) -> str:
    """The answer of a comparison with runs of races.

    Args:
        found: the races.
        whole: whether the comparison is of the runs of one race at their end, and of nothing else.
    """
    if whole and len(found) == 1:
        return next(iter(found.values())).told()
    told = " ".join(f"The race in {one.directory}: {one.told()}" for one in found.values())
    return f"This table does not say which configuration is better, because it has runs of a race. {told}"


def notes(found: Mapping[Path, Raced]) -> list[str]:
    """What the table is not, and the lines of each race; none without a race."""
    return [NOTE, *(line for one in found.values() for line in one.table)] if found else []


def _line(text: object) -> str:
    return " ".join(str(text).split())
