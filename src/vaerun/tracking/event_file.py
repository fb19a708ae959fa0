"""TensorBoard's event files: a sequence of records, each with a length, a checksum and a protobuf message."""

import os
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from tensorboard.compat.proto import event_pb2
from tensorboard.plugins.hparams.metadata import SESSION_END_INFO_TAG
from tensorboard.summary.writer.record_writer import RecordWriter

from vaerun.files import open_new, open_to_read, replacing

LARGEST = 2**30  # bytes of a record
PATTERN = "events.out.tfevents.*"


class EventFile:
    """A new event file in ``directory``, written one complete record at a time.

    TensorBoard reads the files of a directory in the order of their names, which begin with a time in seconds. The
    time in this name is later than in all others there, even if the clocks of the machines differ.

    TensorBoard's own EventFileWriter is not used: it needs a thread and nearly twice the time per record, and it
    imports TensorFlow if that is installed.
    """

    def __init__(self, directory: Path) -> None:
        seconds = max([int(time.time()), *(_seconds(path) + 1 for path in directory.glob(PATTERN))])
        name = f"events.out.tfevents.{seconds:010d}.{socket.gethostname()}.{os.getpid()}"
        self._file = open_new(directory / name, buffering=0)
        self._records = RecordWriter(self._file)
        self.write(event_pb2.Event(wall_time=time.time(), file_version="brain.Event:2"))

    def write(self, event: event_pb2.Event) -> None:
        """Appends the event. After the call it is not lost, even if the process is killed."""
        self._records.write(event.SerializeToString())

    def close(self) -> None:
        self._file.close()


def rewind(directory: Path, step: int) -> None:
    """Removes all events after ``step`` from every event file, and all records of the end of the run.

    TensorBoard uses the first end that it reads, so a run that failed, was resumed and completed would always be shown
    as failed. Files are replaced by rename; a half-written last record is removed, too.
    """
    for path in sorted(directory.glob(PATTERN)):
        rewound = directory / "rewound"  # TensorBoard would read any name that contains tfevents
        with replacing(rewound) as file:
            records = RecordWriter(file)
            for event in read_events(path):
                if event.step <= step and all(value.tag != SESSION_END_INFO_TAG for value in event.summary.value):
                    records.write(event.SerializeToString())
        rewound.replace(path)


def read_events(path: Path) -> Iterator[event_pb2.Event]:
    """The events of one file, up to the first incomplete record."""
    with open_to_read(path) as file:
        while len(header := file.read(12)) == 12:
            (length,) = struct.unpack("<Q", header[:8])
            if length > LARGEST:
                return
            record = file.read(length + 4)
            if len(record) < length + 4:
                return
            yield event_pb2.Event.FromString(record[:length])


def _seconds(path: Path) -> int:
    stamp = path.name.split(".")[3]
    return int(stamp) if stamp.isdigit() else 0
