"""The layout of TensorBoard's Custom Scalars tab, from the charts that the metrics of a run declare."""

import re
from collections.abc import Collection, Iterator, Mapping

import numpy as np
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.custom_scalar import layout_pb2, metadata
from tensorboard.util.tensor_util import make_tensor_proto

from vaerun.metric.metric import Metric, find

CATEGORIES = (
    "Bounds",
    "Terms of the ELBO",
    "Gaps, from evaluation=gap",
    "Gradient estimators, from evaluation=gradient",
    "Inference of φ",
    "Gradient norms",
)
"""The headings that every run has, in this order; some have no charts.

TensorBoard merges the layouts of all runs: equal charts are shown once, and charts under a heading that the first run
does not have are lost. Headings of a user's own metrics come after these.
"""


def layout(tags: Collection[str], declared: Mapping[str, Metric]) -> Summary | None:
    """The event that declares the charts of the recorded tags to TensorBoard; None if no tag has a chart.

    Args:
        tags: the tags that were recorded.
        declared: metrics by quantity.
    """
    categories: dict[str, dict[str, dict[str, None]]] = {category: {} for category in CATEGORIES}
    for category, title, expression in charts(tags, declared):
        # TensorBoard matches a prefix of the tag, so the end must be given.
        categories.setdefault(category, {}).setdefault(title, {})[f"^({expression})$"] = None
    if not any(categories.values()):
        return None
    made = [
        layout_pb2.Category(
            title=category,
            chart=[
                layout_pb2.Chart(title=title, multiline=layout_pb2.MultilineChartContent(tag=expressions))
                for title, expressions in under.items()
            ],
        )
        for category, under in categories.items()
    ]
    value = Summary.Value(
        tag=metadata.CONFIG_SUMMARY_TAG,
        metadata=metadata.create_summary_metadata(),
        tensor=make_tensor_proto(layout_pb2.Layout(category=made).SerializeToString(), dtype=np.object_),
    )
    return Summary(value=[value])


def charts(tags: Collection[str], declared: Mapping[str, Metric]) -> Iterator[tuple[str, str, str]]:
    """(category, title, expression that matches the tags of the chart) for every tag that has a chart."""
    for tag in tags:
        quantity, _, split = tag.partition("/")
        metric = find(declared, quantity)
        if metric.chart is None:
            continue
        own = f"(pseudo_)?{re.escape(metric.stands_for or quantity)}"
        several = "{split}" in metric.chart.title
        expression = f"{metric.chart.quantities or own}/{re.escape(split) if several else '.+'}"
        yield metric.chart.category, metric.chart.title.replace("{split}", split), expression
