"""The values that a training has recorded so far, read from its metrics.jsonl while it grows."""

import json
import math
from pathlib import Path

from vaerun.errors import UserError
from vaerun.system.files import UnsafeFileError, open_to_read

MOST = 2**24  # bytes that are read at a time


class Recorded:
    """Reads the new values of a metric.

    Args:
        path: metrics.jsonl of a run.
        tag: of the metric.
    """

    def __init__(self, path: Path, tag: str) -> None:
        self.path, self.tag, self.offset = path, tag, 0

    def new(self) -> list[tuple[int, float]]:
        """(epoch, value) of the records since the last call; values that are not finite are left out."""
        try:
            with open_to_read(self.path) as file:
                file.seek(self.offset)
                text = file.read(MOST)
        except (OSError, UnsafeFileError, UserError):
            return []
        text = text[: text.rfind(b"\n") + 1]
        self.offset += len(text)
        found = []
        for line in text.splitlines():
            if f'"{self.tag}"'.encode() not in line:
                continue
            try:
                record = json.loads(line)
                epoch, value = round(float(record["epoch"])), float(record[self.tag])
            except (ValueError, KeyError, TypeError, OverflowError):
                continue
            if math.isfinite(value):
                found.append((epoch, value))
        return found
