"""Checksums of the files of a run: whether they are what vaerun wrote."""

import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

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

    Raises:
        OSError: a file cannot be read.
    """
    if is_changed(summary):
        yield f"{directory / 'summary.json'} was changed: its checksum is not that of its content"
    config, metrics = directory / "config.yaml", directory / "metrics.jsonl"
    if config.exists() and (sentence := change_in_config(config)):
        yield sentence
    if RECORDS in summary and not metrics.exists():
        yield f"{metrics} does not exist any more"
    elif RECORDS in summary and summary[RECORDS] != zlib.crc32(metrics.read_bytes()):
        yield f"{metrics} was changed: its checksum is not that in summary.json"


def change_in_config(path: Path) -> str:
    """A sentence if config.yaml is not what its checksum says; empty if it is, or if it has no checksum."""
    text, mark, checksum = path.read_bytes().rpartition(MARK.encode())
    if not mark or checksum.strip() == f"{zlib.crc32(text):08x}".encode():
        return ""
    return f"{path} was changed after vaerun wrote it: its checksum is not that of its content"


def is_changed(summary: Mapping[str, Any]) -> bool:
    """Whether the checksum in a summary is not that of its content; False if it has none."""
    content = {key: value for key, value in summary.items() if key != CHECKSUM}
    return CHECKSUM in summary and summary[CHECKSUM] != checksum_of(content)


def checksum_of(content: Mapping[str, Any]) -> str:
    """The CRC-32 of a summary as JSON."""
    return f"{zlib.crc32(json.dumps(content, sort_keys=True).encode()):08x}"
