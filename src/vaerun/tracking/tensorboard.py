"""TensorBoard: curves, pictures, the configuration and the hyperparameters of a run, in the run directory itself."""

import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import metadata as custom_scalar
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.plugins.hparams import metadata as hparam
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.util.tensor_util import make_tensor_proto

from vaerun.evaluation.picture import png_bytes
from vaerun.tracking.base import POSITION, Tracker
from vaerun.tracking.event_file import EventFile, rewind

Layout = Iterable[tuple[str, Iterable[str]]]  # the titles of charts, and the tags each of them overlays

# An interrupted run has no end: it is to be gone on with, and TensorBoard calls it unknown until then.
END = {"completed": api_pb2.STATUS_SUCCESS, "failed": api_pb2.STATUS_FAILURE, "diverged": api_pb2.STATUS_FAILURE}


class TensorBoard(Tracker):
    """Writes one event file that ``tensorboard --logdir`` shows as one run with all its tabs.

    A record becomes ONE event with a value per tag, written before ``scalars`` returns. What a record says of the
    run's cost is shown as ``spent/seconds``, ``spent/decoder_evaluations`` and so on, a name that comes late in the
    alphabet: the HParams tab opens with the first few metrics as columns. That tab has one row per run, also for two
    runs of equal hyperparameters.

    Args:
        directory: the run directory.
        layout: the charts of the Custom Scalars tab.
        purge_after: the step of the checkpoint that the run goes on from (-1: from the start). What the directory's
            event files hold after it is dropped, and a TensorBoard that has already read it is told to forget it.
    """

    def __init__(self, directory: Path, *, layout: Layout = (), purge_after: int | None = None) -> None:
        if purge_after is not None:
            rewind(directory, purge_after)
        self._file = EventFile(directory)
        if purge_after is not None:
            start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
            self._file.write(event_pb2.Event(wall_time=time.time(), step=purge_after + 1, session_log=start))
        self._summary(0, _custom_scalars(layout))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        summary = Summary()
        for key, value in values.items():
            if key not in ("step", "epoch"):
                summary.value.add(tag=f"spent/{key}" if key in POSITION else key, simple_value=value)
        self._summary(step, summary)

    def images(self, step: int, name: str, grid: np.ndarray) -> None:
        image = Summary.Image(
            height=grid.shape[0],
            width=grid.shape[1],
            colorspace=1 if grid.ndim == 2 else 3,
            encoded_image_string=png_bytes(grid),
        )
        self._summary(step, Summary(value=[Summary.Value(tag=name, image=image)]))

    def text(self, name: str, markdown: str) -> None:
        self._summary(0, text_pb(name, markdown))

    def hparams(self, values: Mapping[str, float | str | bool]) -> None:
        # Without a name of its own, a run is put in one row with every other run of equal values.
        self._summary(0, hparams_pb(dict(values), trial_id=""))

    def close(self, status: str) -> None:
        if status in END:
            self._summary(0, _session_end(END[status]))
        self._file.close()

    def _summary(self, step: int, summary: summary_pb2.Summary) -> None:
        self._file.write(event_pb2.Event(wall_time=time.time(), step=step, summary=summary))


def overlays(*quantities: str) -> list[tuple[str, tuple[str, str]]]:
    """The layout that lays train over valid, one chart for each of ``quantities``, such as elbo."""
    return [(quantity, (f"{quantity}/train", f"{quantity}/valid")) for quantity in quantities]


def _custom_scalars(layout: Layout) -> summary_pb2.Summary:
    charts = [
        layout_pb2.Chart(
            title=title,
            # A tag is taken for a regular expression that may match anywhere.
            multiline=layout_pb2.MultilineChartContent(tag=[f"^{re.escape(tag)}$" for tag in tags]),
        )
        for title, tags in layout
    ]
    category = layout_pb2.Category(title="train and valid", chart=charts)
    content = layout_pb2.Layout(category=[category]).SerializeToString()
    value = Summary.Value(
        tag=custom_scalar.CONFIG_SUMMARY_TAG,
        metadata=custom_scalar.create_summary_metadata(),
        tensor=make_tensor_proto(content, dtype=np.object_),
    )
    return Summary(value=[value])


def _session_end(status: int) -> summary_pb2.Summary:
    end = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=time.time())
    value = Summary.Value(
        tag=hparam.SESSION_END_INFO_TAG,
        metadata=hparam.create_summary_metadata(plugin_data_pb2.HParamsPluginData(session_end_info=end)),
        tensor=hparam.NULL_TENSOR,
    )
    return Summary(value=[value])
