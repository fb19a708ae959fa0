"""What the models have drawn, read back from the event files that their runs wrote for TensorBoard."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from vaerun.report.page.palette import LOOKS, Look, looks
from vaerun.report.recorded import Recorded
from vaerun.report.row import Row

TAGS = {
    "samples/prior": "E[x given z] at draws from the prior",
    "reconstructions/valid": "validation points, each above its reconstruction",
}


class Picture(NamedTuple):
    """One picture of a run."""

    tag: str
    step: int
    png: bytes


class Gallery(NamedTuple):
    """What a run of a configuration has drawn last."""

    row: Row
    look: Look
    run: Recorded
    pictures: Sequence[Picture]


def galleries(rows: Sequence[Row]) -> list[Gallery]:
    """One for each of the best configurations that have pictures: of the first of their runs that has."""
    made = []
    for row, look in zip(rows[: len(LOOKS)], looks(len(LOOKS)), strict=False):
        for entry in row.entries:
            found = last(entry.run.directory) if entry.used else {}
            if found:
                shown = [found[tag] for tag in TAGS if tag in found]
                made.append(Gallery(row, look, entry.run, shown))
                break
    return made


def last(directory: Path) -> Mapping[str, Picture]:
    """The last picture under each of the tags; none where no event file can be read."""
    from google.protobuf.message import DecodeError

    from vaerun.tracking.event_file import PATTERN, read_events

    found: dict[str, Picture] = {}
    for path in sorted(directory.glob(PATTERN)):
        try:
            for event in read_events(path):
                for value in event.summary.value:
                    if value.tag in TAGS and value.HasField("image"):
                        found[value.tag] = Picture(value.tag, event.step, value.image.encoded_image_string)
        except (OSError, DecodeError, MemoryError, OverflowError):  # a damaged file may claim any length
            continue
    return found
