"""Event files, the format that TensorBoard reads: a sequence of records, each a length, a checksum and a protobuf."""

import os
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from tensorboard.compat.proto import event_pb2
from tensorboard.plugins.hparams.metadata import SESSION_END_INFO_TAG
from tensorboard.summary.writer.record_writer import RecordWriter

PATTERN = "events.out.tfevents.*"


class EventFile:
    """A new event file in ``directory``, written one whole record at a time.

    TensorBoard reads the files of a directory in the order of their names, which open with a time in seconds; this
    one's is later than that of every file there, whatever the clocks of the machines say.

    tensorboard's own EventFileWriter is not used: it costs a thread and nearly twice the time per record, and it
    imports TensorFlow where that is installed.
    """

    def __init__(self, directory: Path) -> None:
        seconds = max([int(time.time()), *(_seconds(path) + 1 for path in directory.glob(PATTERN))])
        name = f"events.out.tfevents.{seconds:010d}.{socket.gethostname()}.{os.getpid()}"
        self._file = (directory / name).open("xb", buffering=0)
        self._records = RecordWriter(self._file)
        self.write(event_pb2.Event(wall_time=time.time(), file_version="brain.Event:2"))

    def write(self, event: event_pb2.Event) -> None:
        """Appends the event; when this returns, it no longer depends on this process."""
        self._records.write(event.SerializeToString())

    def close(self) -> None:
        self._file.close()


def rewind(directory: Path, step: int) -> None:
    """Drops from every event file what lies after ``step``, and any record that the run has ended.

    TensorBoard believes the first end it finds, so a run that failed, was resumed and completed would be shown as
    failed for ever. Files are replaced by rename; a half-written last record goes as well.
    """
    for path in sorted(directory.glob(PATTERN)):
        part = directory / ".rewound.part"  # a name with tfevents in it would be read
        with part.open("wb") as file:
            records = RecordWriter(file)
            for event in read_events(path):
                if event.step <= step and all(value.tag != SESSION_END_INFO_TAG for value in event.summary.value):
                    records.write(event.SerializeToString())
        part.replace(path)


def read_events(path: Path) -> Iterator[event_pb2.Event]:
    """The events of one file, as far as they are whole."""
    with path.open("rb") as file:
        while len(header := file.read(12)) == 12:
            (length,) = struct.unpack("<Q", header[:8])
            record = file.read(length + 4)
            if len(record) < length + 4:
                return
            yield event_pb2.Event.FromString(record[:length])


def _seconds(path: Path) -> int:
    stamp = path.name.split(".")[3]
    return int(stamp) if stamp.isdigit() else 0
