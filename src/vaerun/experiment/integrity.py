"""Checksums of the files of a run: whether they are what vaerun wrote."""

import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from vaerun.config.yaml_file import LARGEST
from vaerun.system.files import UnsafeFileError, open_to_read, read

PART = 2**20  # bytes
MARK = "# checksum of the lines above: "
CHECKSUM = "checksum"  # a key of summary.json, and of the lines of evaluations.jsonl
RECORDS = "records_checksum"  # a key of summary.json: of metrics.jsonl


def signed(text: bytes) -> bytes:
    """The text of config.yaml, and a comment with its checksum."""
    return text + f"{MARK}{zlib.crc32(text):08x}\n".encode()


def with_checksum(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content with a checksum of it."""
    rest = {key: value for key, value in content.items() if key != CHECKSUM}
    return {**rest, CHECKSUM: checksum_of(rest)}


def changes(directory: Path, summary: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each file of a run whose content is not what vaerun wrote, as far as checksums tell.

    A file that cannot be read is left out: whoever needs it says why.
    """
    if is_changed(summary):
        yield f"{directory / 'summary.json'} was changed: its checksum is not that of its content"
    config, metrics = directory / "config.yaml", directory / "metrics.jsonl"
    with suppress(UnsafeFileError, OSError):
        if sentence := change_in_config(config):
            yield sentence
    with suppress(UnsafeFileError, OSError):
        if not metrics.exists():
            if summary.get(RECORDS):  # not of a run that ended before its first record
                yield f"{metrics} does not exist any more"
        elif RECORDS in summary and summary[RECORDS] != _checksum_of_file(metrics):
            yield f"{metrics} was changed: its checksum is not that in summary.json"


def change_in_config(path: Path) -> str:
    """A sentence if config.yaml is not what its checksum says; empty if it is, or if it has no checksum."""
    text, mark, checksum = read(path, most=LARGEST).rpartition(MARK.encode())
    if not mark or checksum.strip() == f"{zlib.crc32(text):08x}".encode():
        return ""
    return f"{path} was changed after vaerun wrote it: its checksum is not that of its content"


def _checksum_of_file(path: Path) -> int | None:
    """The CRC-32 of the lines of a file, read in parts; a half-written last line, left by a killed run, is none.

    None if a line is longer than a record can be: vaerun did not write this file, and its rest is not read.
    """
    checksum, rest = 0, b""
    with open_to_read(path) as file:
        while part := file.read(PART):
            whole, end, rest = (rest + part).rpartition(b"\n")
            if len(rest) > PART:
                return None
            checksum = zlib.crc32(whole + end, checksum)
    return zlib.crc32(rest + b"\n", checksum) if rest.endswith(b"}") else checksum


def is_changed(summary: Mapping[str, Any]) -> bool:
    """Whether the checksum in a summary is not that of its content; False if it has none."""
    content = {key: value for key, value in summary.items() if key != CHECKSUM}
    return CHECKSUM in summary and summary[CHECKSUM] != checksum_of(content)


def checksum_of(content: Mapping[str, Any]) -> str:
    """The CRC-32 of a summary as JSON."""
    return f"{zlib.crc32(json.dumps(content, sort_keys=True).encode()):08x}"
