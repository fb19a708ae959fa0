"""TensorBoard: curves, images, configuration and hyperparameters of a run, written into the run directory."""

import time
from collections.abc import KeysView, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.plugins.hparams import metadata as hparam
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.plugins.text.summary_v2 import text_pb

from vaerun.image.embedding import Embedding
from vaerun.image.grid import png_bytes
from vaerun.metric.metric import Metric
from vaerun.tracking import projector
from vaerun.tracking.base import POSITION, Tracker
from vaerun.tracking.event_file import EventFile, rewind
from vaerun.tracking.layout import layout

# An interrupted run has no end status, because it can be resumed; TensorBoard shows its status as unknown.
END = {"completed": api_pb2.STATUS_SUCCESS, "failed": api_pb2.STATUS_FAILURE, "diverged": api_pb2.STATUS_FAILURE}


class TensorBoard(Tracker):
    """Writes an event file that TensorBoard shows as one run with all its tabs.

    The Custom Scalars tab has the charts of the declared metrics; a chart appears with the first record of one of its
    metrics.

    A record becomes one event with a value per tag, written before ``scalars`` returns. TensorBoard sorts tags by the
    alphabet, and its HParams tab shows the first five. The costs are therefore named ``spent/seconds``,
    ``spent/decoder_evaluations`` and so on, so that the ELBO comes first. The HParams tab has one row per run, even
    for runs with equal hyperparameters.

    Args:
        directory: the run directory.
        purge_after: the step of the checkpoint that the run continues from (-1: from the start). Later events are
            removed from the event files, and a TensorBoard that has already read them is told to discard them.
    """

    outside: ClassVar[bool] = False

    def __init__(self, directory: Path, *, purge_after: int | None = None) -> None:
        if purge_after is not None:
            rewind(directory, purge_after)
        self._directory, self._tags = directory, dict[str, None]()
        self._declared: dict[str, Metric] = {}
        self._file = EventFile(directory)
        if purge_after is not None:
            start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
            self._file.write(event_pb2.Event(wall_time=time.time(), step=purge_after + 1, session_log=start))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        shown = {
            f"spent/{key}" if key in POSITION else key: value
            for key, value in values.items()
            if key not in ("step", "epoch")
        }
        self._summary(step, Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in shown.items()]))
        self._lay_out(step, shown.keys())

    def declare(self, metrics: Mapping[str, Metric]) -> None:
        self._declared |= metrics

    def images(self, step: int, name: str, grid: np.ndarray) -> None:
        image = Summary.Image(
            height=grid.shape[0],
            width=grid.shape[1],
            colorspace=1 if grid.ndim == 2 else 3,
            encoded_image_string=png_bytes(grid),
        )
        self._summary(step, Summary(value=[Summary.Value(tag=name, image=image)]))

    def text(self, name: str, markdown: str, *, step: int = 0) -> None:
        self._summary(step, text_pb(name, markdown))

    def embedding(self, embedding: Embedding) -> None:
        projector.write(self._directory, embedding)

    def hparams(self, values: Mapping[str, float | str | bool]) -> None:
        # An empty trial_id, because TensorBoard would otherwise merge runs with equal values into one row.
        self._summary(0, hparams_pb(dict(values), trial_id=""))

    def close(self, status: str) -> None:
        try:
            if status in END:
                self._summary(0, _session_end(END[status]))
        finally:
            self._file.close()

    def _lay_out(self, step: int, tags: KeysView[str]) -> None:
        """Writes the layout again if new tags have added a chart."""
        if tags <= self._tags.keys():
            return
        before = layout(self._tags, self._declared)
        self._tags |= dict.fromkeys(tags)
        summary = layout(self._tags, self._declared)
        if summary is not None and summary != before:
            self._summary(step, summary)

    def _summary(self, step: int, summary: summary_pb2.Summary) -> None:
        self._file.write(event_pb2.Event(wall_time=time.time(), step=step, summary=summary))


def _session_end(status: int) -> summary_pb2.Summary:
    end = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=time.time())
    value = Summary.Value(
        tag=hparam.SESSION_END_INFO_TAG,
        metadata=hparam.create_summary_metadata(plugin_data_pb2.HParamsPluginData(session_end_info=end)),
        tensor=hparam.NULL_TENSOR,
    )
    return Summary(value=[value])
