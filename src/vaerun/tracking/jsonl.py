"""metrics.jsonl: one line of JSON per record; vaerun reads its metrics from this file."""

import json
import logging
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from vaerun.errors import UserError
from vaerun.system.files import named, open_to_read
from vaerun.system.whole_file import open_to_append, replacing
from vaerun.tracking.base import POSITION, Tracker

logger = logging.getLogger("vaerun")

LONGEST = 2**20  # bytes of one record


class Jsonl(Tracker):
    """Appends ``{"step": …, "epoch": …, …, tag: value, …}`` to a file, one line per record.

    ``scalars`` writes the whole line before it returns, so a killed run loses no finished record. A value that is not
    finite is written as ``null``, because strict JSON has no other form for it; ``read`` returns it as nan.

    Args:
        path: the file; it is created, or appended to. Call ``truncate`` before a run is resumed.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._file = path, open_to_append(path)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        content = line(step, values)
        with named(self._path):
            while content:  # a full disk may take a part
                content = content[self._file.write(content) :]

    def close(self, status: str) -> None:
        self._file.close()


def line(step: int, values: Mapping[str, float]) -> bytes:
    """A record as the line that stands for it in the file."""
    position = {"step": step} | {key: values[key] for key in POSITION if key in values and key != "step"}
    return encode(position | {key: value for key, value in values.items() if key not in POSITION})


def encode(record: Mapping[str, float]) -> bytes:
    """The record as one line of strict JSON: whole numbers without decimals, values that are not finite as null."""
    plain = {key: _plain(value) for key, value in record.items()}
    return json.dumps(plain, allow_nan=False).encode() + b"\n"


def _plain(value: float) -> float | int | None:
    if isinstance(value, int):
        return value
    number = float(value)
    return number if math.isfinite(number) else None


def read(path: Path) -> list[dict[str, float]]:
    """The records of a file, oldest first. A half-written last line, left by a killed run, is ignored.

    Raises:
        UserError: another line is not a record.
    """
    records, damaged = scan(path)
    if damaged:
        raise UserError(
            f"line {damaged[0]} of {path} is no record with a step, so the file was changed by something other than "
            f"vaerun: restore it, or remove that line."
        )
    return records


def truncate(path: Path, *, step: int, count: int, expected: Sequence[int] = (), checksum: int | None = None) -> None:
    """Removes the records that were written after a checkpoint: keeps the first ``count`` of those up to ``step``.

    A resumed run writes the removed records again. The file is replaced by rename, so it is never half-written; if it
    does not exist, nothing is done. Damaged lines and repeated records are removed. One warning in the log names the
    records that are missing.

    Args:
        path: the file.
        step: of the checkpoint.
        count: the number of records that the run had made by then.
        expected: the steps of these records, to name those that are missing.
        checksum: of these records, to notice that one has changed; None if it is not known.
    """
    found = scan(path)[0] if path.exists() else []
    records: dict[float, dict[str, float]] = {}
    for record in found:
        if record["step"] <= step:
            records.setdefault(record["step"], record)
    known = list(records.values())[:count]
    if len(known) < count:
        missing = ranges([at for at in expected if at not in records]) if len(expected) == count else ""
        logger.warning(
            "%s holds %d of the %d records of this run; the others are lost%s; the training itself loses nothing",
            path, len(known), count, f", those of step {missing}" if missing else "",
        )  # fmt: skip
    elif checksum is not None and checksum_of(known) != checksum:
        logger.warning("%s was changed: its records are not those of this run; the training itself is intact", path)
    if path.exists():
        with replacing(path) as file:
            file.writelines(encode(record) for record in known)


def checksum_of(records: Iterable[Mapping[str, float]], before: int = 0) -> int:
    """The checksum of records, which continues that of the records ``before``."""
    for record in records:
        before = zlib.crc32(encode(record), before)
    return before


def ranges(steps: Sequence[int]) -> str:
    """Whole numbers in words: ``2, 4 and 8 to 18``; neighbours in the list that are close together become a range."""
    if len(steps) > 4:
        return f"{steps[0]} to {steps[-1]}"
    return " and ".join(filter(None, [", ".join(map(str, steps[:-1])), *map(str, steps[-1:])]))


def scan(path: Path) -> tuple[list[dict[str, float]], list[int]]:
    """The records of a file, and the numbers of the lines that are none. A last line without an end is left out."""
    records, damaged = [], []
    for number, text in enumerate(_lines(path), start=1):
        if not text.strip():
            continue
        record = _record(text)
        if record is not None:
            records.append(record)
        elif text.endswith(b"\n"):
            damaged.append(number)
    return records, damaged


def _record(text: bytes) -> dict[str, float] | None:
    """The record in a line, nan for null; None if it is no record."""
    try:
        record = json.loads(text)
        record["step"] + 0
        if all(value is None or isinstance(value, (int, float)) for value in record.values()):
            return {key: math.nan if value is None else value for key, value in record.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass
    return None


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of the file. One that is too long to be a record ends the reading of it, and is not empty."""
    with open_to_read(path) as file:
        while line := file.readline(LONGEST):
            if len(line) == LONGEST:
                yield b"?\n"
                return
            yield line
