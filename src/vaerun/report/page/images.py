"""The images that training recorded, read from the runs' TensorBoard event files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from vaerun.report.page.style import STYLES, Style, styles
from vaerun.report.recorded import Recorded
from vaerun.report.row import Row
from vaerun.system.files import UnsafeFileError

TAGS = {
    "samples/prior": "E[x given z] at z drawn from the prior",
    "reconstructions/valid": "validation points, each with its reconstruction below",
}


class Image(NamedTuple):
    """One recorded image, as PNG."""

    tag: str
    step: int
    png: bytes


class Gallery(NamedTuple):
    """The last images of one run of a configuration."""

    row: Row
    style: Style
    run: Recorded
    images: Sequence[Image]


def galleries(rows: Sequence[Row]) -> list[Gallery]:
    """A gallery for each of the best configurations, from its first run that recorded images."""
    made = []
    for row, style in zip(rows[: len(STYLES)], styles(len(STYLES)), strict=False):
        for entry in row.entries:
            found = last(entry.run.directory) if entry.used else {}
            if found:
                shown = [found[tag] for tag in TAGS if tag in found]
                made.append(Gallery(row, style, entry.run, shown))
                break
    return made


def last(directory: Path) -> Mapping[str, Image]:
    """The last image of each tag; event files that cannot be read are skipped."""
    from google.protobuf.message import DecodeError

    from vaerun.tracking.event_file import PATTERN, read_events

    found: dict[str, Image] = {}
    for path in sorted(directory.glob(PATTERN)):
        try:
            for event in read_events(path):
                for value in event.summary.value:
                    if value.tag in TAGS and value.HasField("image"):
                        found[value.tag] = Image(value.tag, event.step, value.image.encoded_image_string)
        # A damaged file may claim any length.
        except (OSError, UnsafeFileError, DecodeError, MemoryError, OverflowError):
            continue
    return found
