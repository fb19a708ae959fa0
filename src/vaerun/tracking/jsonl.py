"""metrics.jsonl: one line of JSON per record; vaerun reads its metrics from this file."""

import json
import logging
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from vaerun.errors import UserError
from vaerun.files import open_to_append, open_to_read, replacing
from vaerun.image.embedding import Embedding
from vaerun.metric.metric import Metric
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
        self._file = open_to_append(path)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        position = {"step": step} | {key: values[key] for key in POSITION if key in values and key != "step"}
        record = position | {key: value for key, value in values.items() if key not in POSITION}
        self._file.write(encode(record))

    def declare(self, metrics: Mapping[str, Metric]) -> None:
        """Does nothing: the declarations are in summary.json."""

    def images(self, step: int, name: str, grid: np.ndarray) -> None:
        """Does nothing: the file has numbers only."""

    def text(self, name: str, markdown: str, *, step: int = 0) -> None:
        """Does nothing: the file has numbers only."""

    def embedding(self, embedding: Embedding) -> None:
        """Does nothing: the file has one line per record only."""

    def hparams(self, values: Mapping[str, float | str | bool]) -> None:
        """Does nothing: the hyperparameters are in config.yaml."""

    def close(self, status: str) -> None:
        self._file.close()


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
    return [{key: math.nan if value is None else value for key, value in record.items()} for record in _records(path)]


def truncate(path: Path, *, step: int, count: int) -> None:
    """Removes the records that were written after a checkpoint: keeps the first ``count`` of those up to ``step``.

    A resumed run writes the removed records again. The file is replaced by rename, so it is never half-written; if it
    does not exist, nothing is done. Missing records are reported in the log.

    Raises:
        UserError: as ``read``.
    """
    known = [record for record in read(path) if record["step"] <= step][:count] if path.exists() else []
    if len(known) < count:
        logger.warning("%s holds %d of the %d records of this run; the others are lost", path, len(known), count)
    if not path.exists():
        return
    with replacing(path) as file:
        file.write(b"".join(encode(record) for record in known))


def _records(path: Path) -> Iterator[dict[str, float | None]]:
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            record["step"] + 0
            if not all(value is None or isinstance(value, (int, float)) for value in record.values()):
                raise TypeError
        except (ValueError, TypeError, KeyError, RecursionError):
            if not line.endswith(b"\n"):
                return
            raise UserError(
                f"line {number} of {path} is no record with a step, so the file was changed by something other than "
                f"vaerun: restore it, or remove that line."
            ) from None
        yield record


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of the file. One that is too long to be a record ends the reading of it, and is not empty."""
    with open_to_read(path) as file:
        while line := file.readline(LONGEST):
            if len(line) == LONGEST:
                yield b"?\n"
                return
            yield line
