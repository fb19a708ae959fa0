import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator as PluginAccumulator
from tensorboard.context import RequestContext
from tensorboard.plugins import base_plugin
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar.metadata import CONFIG_SUMMARY_TAG as TAG
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups, metadata

from tests.runs import train
from vaerun.image.embedding import Embedding
from vaerun.metric.metric import Chart, Metric, by_name
from vaerun.tracking.event_file import PATTERN, read_events
from vaerun.tracking.layout import CATEGORIES
from vaerun.tracking.page import code_block
from vaerun.tracking.tensorboard import TensorBoard


@contextmanager
def tracking(directory: Path, *, purge_after: int | None = None, status: str = "completed") -> Iterator[TensorBoard]:
    tracker = TensorBoard(directory, purge_after=purge_after)
    yield tracker
    tracker.close(status)


def loaded(directory: Path) -> EventAccumulator:
    accumulator = EventAccumulator(str(directory), size_guidance={"images": 0})
    accumulator.Reload()
    return accumulator


def plugins(directory: Path) -> PluginAccumulator:
    """What TensorBoard's plugins see: a tensor and the metadata of each tag."""
    accumulator = PluginAccumulator(str(directory))
    accumulator.Reload()
    return accumulator


def curve(directory: Path, tag: str) -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in loaded(directory).Scalars(tag)]


def events(directory: Path) -> list:
    return [event for path in sorted(directory.glob(PATTERN)) for event in read_events(path)]


def session(directory: Path, tag: str) -> object:
    content = plugins(directory).SummaryMetadata(tag).plugin_data.content
    if tag == metadata.SESSION_END_INFO_TAG:
        return metadata.parse_session_end_info_plugin_data(content)
    return metadata.parse_session_start_info_plugin_data(content)


def test_a_record_is_one_event_of_all_its_tags(tmp_path: Path) -> None:
    with tracking(tmp_path) as tracker:
        before = len(events(tmp_path))
        figures = {"elbo/train": -1.5, "elbo/valid": -2.5, "inner_converged/valid": 1.0}
        tracker.scalars(7, {"step": 7, "epoch": 1.0, "seconds": 2.5, **figures})
        (event,) = events(tmp_path)[before:]
    assert event.step == 7
    assert {value.tag: value.simple_value for value in event.summary.value} == {
        "spent/seconds": 2.5,
        "elbo/train": -1.5,
        "elbo/valid": -2.5,
        "inner_converged/valid": 1.0,
    }


def test_curves_come_back_while_the_run_goes_on(tmp_path: Path) -> None:
    with tracking(tmp_path) as tracker:
        for step in (0, 10, 20):
            tracker.scalars(step, {"elbo/train": -step / 4})
            assert curve(tmp_path, "elbo/train")[-1] == (step, -step / 4)
    assert curve(tmp_path, "elbo/train") == [(0, 0.0), (10, -2.5), (20, -5.0)]


def test_a_killed_run_loses_no_record(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from vaerun.tracking.tensorboard import TensorBoard\n"
        "tracker = TensorBoard(Path(sys.argv[1]))\n"
        "for step in range(50): tracker.scalars(step, {'elbo/train': float(step)})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    process = subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=os.environ, timeout=60, check=False)
    assert process.returncode == -signal.SIGKILL
    assert curve(tmp_path, "elbo/train") == [(step, float(step)) for step in range(50)]


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 3)])
def test_a_picture_keeps_every_pixel(tmp_path: Path, shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    with tracking(tmp_path) as tracker:
        tracker.images(3, "samples/prior", picture)
    (image,) = loaded(tmp_path).Images("samples/prior")
    assert (image.step, image.height, image.width) == (3, 6, 5)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(image.encoded_image_string))), picture)


def test_the_configuration_is_text(tmp_path: Path) -> None:
    with tracking(tmp_path) as tracker:
        tracker.text("config", code_block("seed: 0\nname: θ"))
    reader = plugins(tmp_path)
    assert reader.SummaryMetadata("config").plugin_data.plugin_name == "text"
    (event,) = reader.Tensors("config")
    assert event.tensor_proto.string_val[0].decode() == "```\nseed: 0\nname: θ\n```\n"


def test_hyperparameters_keep_their_types_and_stand_in_the_run_itself(tmp_path: Path) -> None:
    with tracking(tmp_path) as tracker:
        tracker.hparams({"strategy": "joint", "optimizer.lr": 1e-3, "deterministic": False, "seed": 2})
    start = session(tmp_path, metadata.SESSION_START_INFO_TAG)
    assert start.hparams["strategy"].string_value == "joint"
    assert start.hparams["optimizer.lr"].number_value == 1e-3
    assert start.hparams["seed"].number_value == 2
    assert start.hparams["deterministic"].WhichOneof("kind") == "bool_value"
    assert start.group_name == "", "a name shared by runs of equal values puts them into one row"
    assert metadata.EXPERIMENT_TAG not in plugins(tmp_path).Tags()["tensors"]
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ("completed", api_pb2.STATUS_SUCCESS),
        ("failed", api_pb2.STATUS_FAILURE),
        ("diverged", api_pb2.STATUS_FAILURE),
        ("interrupted", None),
    ],
)
def test_the_end_is_told(tmp_path: Path, status: str, shown: int | None) -> None:
    with tracking(tmp_path, status=status):
        pass
    if shown is None:
        assert metadata.SESSION_END_INFO_TAG not in plugins(tmp_path).Tags()["tensors"]
    else:
        assert session(tmp_path, metadata.SESSION_END_INFO_TAG).status == shown


IWAE = Chart("bounds", "tighter, {split}", r"iwae_\d+")
DECLARED = by_name(
    (
        Metric("elbo", "a bound", chart=Chart("bounds", "elbo")),
        Metric("iwae_10", "a tighter bound", chart=IWAE),
        Metric("gradient_snr", "a ratio", chart=Chart("noise", "snr")),
    )
)


def shown(directory: Path) -> list[tuple[str, list[tuple[str, list[str]]]]]:
    """The charts of the layout that TensorBoard goes by, which is the last."""
    layout = layout_pb2.Layout.FromString(plugins(directory).Tensors(TAG)[-1].tensor_proto.string_val[0])
    charts = [(c.title, [(chart.title, list(chart.multiline.tag)) for chart in c.chart]) for c in layout.category]
    assert tuple(title for title, _ in charts[: len(CATEGORIES)]) == CATEGORIES
    assert not any(under for _, under in charts[: len(CATEGORIES)])
    return charts[len(CATEGORIES) :]


def test_a_chart_appears_with_the_first_record_it_shows_something_of(tmp_path: Path) -> None:
    with tracking(tmp_path) as tracker:
        tracker.scalars(1, {"kl/train": 1.0, "my_elbo/train": 1.0, "elbo_se/train": 1.0})
        assert TAG not in plugins(tmp_path).Tags()["tensors"]
        tracker.declare(DECLARED)
        tracker.scalars(2, {"elbo/train": 1.0, "elbo_se/train": 1.0})
        bounds = ("elbo", ["^((pseudo_)?elbo/.+)$"])
        assert shown(tmp_path) == [("bounds", [bounds])]
        tracker.scalars(3, {"elbo/train": 1.0, "elbo/valid": 1.0})
        tracker.scalars(4, {"gradient_snr/own": 1.0, "iwae_10/test": 1.0})
        test = ("tighter, test", [r"^(iwae_\d+/test)$"])
        snr = ("snr", ["^((pseudo_)?gradient_snr/.+)$"])
        assert shown(tmp_path) == [("bounds", [bounds, test]), ("noise", [snr])]
    assert [event.step for event in plugins(tmp_path).Tensors(TAG)] == [2, 4], "nothing new, nothing written"


def test_words_and_points_stand_where_tensorboard_looks_for_them(tmp_path: Path) -> None:
    with tracking(tmp_path) as tracker:
        tracker.text("results", "completed", step=7)
        tracker.embedding(Embedding("z", np.zeros((3, 2)), {"index": np.arange(3)}))
    assert [event.step for event in plugins(tmp_path).Tensors("results")] == [7]
    assert (tmp_path / "projector_config.pbtxt").exists()


def test_what_a_killed_run_wrote_after_its_checkpoint_is_written_once(tmp_path: Path) -> None:
    def train(tracker: TensorBoard, steps: range, value: float) -> None:
        tracker.hparams({"seed": 0})
        for step in steps:
            tracker.scalars(step, {"elbo/train": value})
            tracker.images(step, "samples/prior", np.full((2, 2), step, np.uint8))

    with tracking(tmp_path, status="interrupted") as tracker:
        train(tracker, range(0, 50, 10), 1.0)
    with tracking(tmp_path, purge_after=20) as tracker:
        # Before anything is written again, no reader sees what lies after the checkpoint, whatever it makes of a start.
        assert max(event.step for event in events(tmp_path) if event.HasField("summary")) == 20
        assert [step for step, _ in curve(tmp_path, "elbo/train")] == [0, 10, 20]
        train(tracker, range(30, 60, 10), 2.0)
    assert len(list(tmp_path.glob(PATTERN))) == 2
    assert curve(tmp_path, "elbo/train") == [(0, 1.0), (10, 1.0), (20, 1.0), (30, 2.0), (40, 2.0), (50, 2.0)]
    assert [image.step for image in loaded(tmp_path).Images("samples/prior")] == [0, 10, 20, 30, 40, 50]
    assert [event.step for event in events(tmp_path) if event.HasField("session_log")] == [21]


def test_a_reader_that_has_seen_it_all_forgets(tmp_path: Path) -> None:
    with tracking(tmp_path, status="interrupted") as tracker:
        for step in range(0, 50, 10):
            tracker.scalars(step, {"elbo/train": 1.0})
        live = loaded(tmp_path)
    with tracking(tmp_path, purge_after=20) as tracker:
        tracker.scalars(30, {"elbo/train": 2.0})
        live.Reload()
        assert [(point.step, point.value) for point in live.Scalars("elbo/train")] == [
            (0, 1.0),
            (10, 1.0),
            (20, 1.0),
            (30, 2.0),
        ]


def test_a_run_that_failed_and_was_completed_is_a_success(tmp_path: Path) -> None:
    for purge_after, status in ((None, "failed"), (5, "diverged"), (5, "completed")):
        with tracking(tmp_path, purge_after=purge_after, status=status) as tracker:
            tracker.scalars(5, {"elbo/train": 1.0})
    assert session(tmp_path, metadata.SESSION_END_INFO_TAG).status == api_pb2.STATUS_SUCCESS


def test_a_start_from_nothing_leaves_nothing_of_before(tmp_path: Path) -> None:
    with tracking(tmp_path, status="interrupted") as tracker:
        tracker.scalars(0, {"elbo/train": 1.0})
    with tracking(tmp_path, purge_after=-1) as tracker:
        tracker.scalars(0, {"elbo/train": 2.0})
    assert curve(tmp_path, "elbo/train") == [(0, 2.0)]


def test_a_half_written_record_does_not_hide_what_follows(tmp_path: Path) -> None:
    with tracking(tmp_path, status="interrupted") as tracker:
        tracker.scalars(1, {"elbo/train": 1.0})
        tracker.scalars(2, {"elbo/train": 1.0})
    (path,) = tmp_path.glob(PATTERN)
    path.write_bytes(path.read_bytes()[:-3])
    with tracking(tmp_path, purge_after=2) as tracker:
        tracker.scalars(3, {"elbo/train": 2.0})
    assert curve(tmp_path, "elbo/train") == [(1, 1.0), (3, 2.0)]


def test_files_are_read_in_the_order_they_were_written_whatever_the_clock_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for clock, purge_after in ((2000.0, None), (2000.4, 10), (1000.0, 20)):
        monkeypatch.setattr("time.time", lambda clock=clock: clock)
        before = set(tmp_path.glob(PATTERN))
        with tracking(tmp_path, purge_after=purge_after, status="interrupted"):
            pass
        (new,) = set(tmp_path.glob(PATTERN)) - before
        assert all(new.name > path.name for path in before)


def test_nothing_is_left_beside_the_event_files(tmp_path: Path) -> None:
    for purge_after in (None, 3):
        with tracking(tmp_path, purge_after=purge_after):
            pass
    assert sorted(tmp_path.iterdir()) == sorted(tmp_path.glob(PATTERN))


def rows_of_hparams(root: Path) -> list[str]:
    """The runs in the table of the HParams tab, filtered as the page does at first: every value of every column."""
    multiplexer = plugin_event_multiplexer.EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(root))
    multiplexer.Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, str(root))
    backend = backend_context.Context(base_plugin.TBContext(data_provider=provider))
    request = RequestContext()
    hyperparameters = backend.hparams_from_data_provider(request, "", None)
    started = backend.hparams_metadata(request, "")
    experiment = backend.experiment_from_metadata(request, "", True, started, hyperparameters)
    columns = []
    for info in experiment.hparam_infos:
        column = api_pb2.ColParams(hparam=info.name)
        if info.type == api_pb2.DATA_TYPE_FLOAT64:
            column.filter_interval.CopyFrom(info.domain_interval)
        else:
            column.filter_discrete.CopyFrom(info.domain_discrete)
        columns.append(column)
    asked = api_pb2.ListSessionGroupsRequest(
        start_index=0, slice_size=100, col_params=columns, allowed_statuses=list(api_pb2.Status.values())
    )
    answer = list_session_groups.Handler(request, backend, "", asked).run()
    return sorted(session.name for group in answer.session_groups for session in group.sessions)


@pytest.mark.slow
def test_the_hparams_tab_shows_every_run_although_a_key_is_null_in_one(tmp_path: Path) -> None:
    limits = ("null", "60", "1e2", "7.5")
    for place, limit in enumerate(limits):
        train(tmp_path / f"{place}", f"trainer.max_seconds={limit}", "trainer.epochs=1", "evaluation.points=5")
    assert rows_of_hparams(tmp_path) == ["0", "1", "2", "3"]
