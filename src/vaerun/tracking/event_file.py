"""TensorBoard's event files: a sequence of records, each with a length, a checksum and a protobuf message."""

import logging
import os
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.message import DecodeError
from tensorboard.compat.proto import event_pb2
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c
from tensorboard.plugins.hparams.metadata import SESSION_END_INFO_TAG
from tensorboard.summary.writer.record_writer import RecordWriter

from vaerun.system.files import open_new, open_to_read
from vaerun.system.whole_file import replacing

LARGEST = 2**30  # bytes of a record
PATTERN = "events.out.tfevents.*"
HEADER = struct.Struct("<QI")  # the length of the data, and its checksum

logger = logging.getLogger("vaerun")


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
        try:
            self.write(event_pb2.Event(wall_time=time.time(), file_version="brain.Event:2"))
        except BaseException:
            self.close()
            raise

    def write(self, event: event_pb2.Event) -> None:
        """Appends the event. After the call it is not lost, even if the process is killed."""
        self._records.write(event.SerializeToString())

    def close(self) -> None:
        self._file.close()


def rewind(directory: Path, step: int) -> None:
    """Removes all events after ``step`` from every event file, and all records of the end of the run.

    TensorBoard uses the first end that it reads, so a run that failed, was resumed and completed would always be shown
    as failed. Files are replaced by rename; a half-written last record is removed, too. A damaged record and all that
    follow it in its file are removed, with a warning: nothing says where the next record begins.
    """
    for path in sorted(directory.glob(PATTERN)):
        kept = [record for record, event in _records(path, warn=True) if _stays(event, step)]
        # TensorBoard would read any name that contains tfevents.
        with replacing(path, part=directory / ".rewound.part") as file:
            file.writelines(kept)


def read_events(path: Path) -> Iterator[event_pb2.Event]:
    """The events of one file, up to the first incomplete or damaged record."""
    return (event for _, event in _records(path, warn=False))


def _stays(event: event_pb2.Event, step: int) -> bool:
    return event.step <= step and all(value.tag != SESSION_END_INFO_TAG for value in event.summary.value)


def _records(path: Path, *, warn: bool) -> Iterator[tuple[bytes, event_pb2.Event]]:
    """Each record with its event, up to the first that is incomplete or damaged; the checksums are compared."""
    size, step = path.stat().st_size, 0
    with open_to_read(path) as file:
        while len(header := file.read(HEADER.size)) == HEADER.size:
            length, checksum = HEADER.unpack(header)
            event = None
            if checksum == masked_crc32c(header[:8]):
                if length + 4 > min(size - file.tell(), LARGEST):
                    return  # half-written by a process that was killed
                data, end = file.read(length), file.read(4)
                event = _event(data, end)
            if event is None:
                if warn:
                    logger.warning("%s is damaged: TensorBoard has no records of it after step %d", path, step)
                return
            step = max(step, event.step)
            yield header + data + end, event


def _event(data: bytes, end: bytes) -> event_pb2.Event | None:
    """The event in a record; None if the record is damaged."""
    if struct.unpack("<I", end) != (masked_crc32c(data),):
        return None
    try:
        return event_pb2.Event.FromString(data)
    except DecodeError:
        return None


def _seconds(path: Path) -> int:
    stamp = path.name.split(".")[3]
    return int(stamp) if stamp.isdecimal() and stamp.isascii() else 0
