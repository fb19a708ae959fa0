"""One chart per question: which tags TensorBoard's Custom Scalars tab lays over each other."""

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.custom_scalar import layout_pb2, metadata
from tensorboard.util.tensor_util import make_tensor_proto


class Chart(NamedTuple):
    """A question, and the tags that answer it, as regular expressions that match a tag from end to end."""

    title: str
    tags: Sequence[str]

    def shows(self, tag: str) -> bool:
        """Whether one of the expressions matches."""
        return any(re.fullmatch(expression, tag) for expression in self.tags)


class Layout(NamedTuple):
    """Charts under a heading each, in order."""

    charts: Sequence[tuple[str, Sequence[Chart]]] = ()

    def summary(self, tags: Collection[str]) -> Summary | None:
        """The record that has TensorBoard show the charts that have something to show; None where none has.

        TensorBoard puts the layouts of all runs together, and takes equal charts for one. It loses charts under a
        heading that the first run lacks: so every run has every heading, some with nothing below.
        """
        shown = [
            (heading, [chart for chart in charts if any(map(chart.shows, tags))]) for heading, charts in self.charts
        ]
        if not any(charts for _, charts in shown):
            return None
        content = layout_pb2.Layout(category=[_category(*under) for under in shown]).SerializeToString()
        value = Summary.Value(
            tag=metadata.CONFIG_SUMMARY_TAG,
            metadata=metadata.create_summary_metadata(),
            tensor=make_tensor_proto(content, dtype=np.object_),
        )
        return Summary(value=[value])


NOTHING = Layout()


def _category(heading: str, charts: Sequence[Chart]) -> layout_pb2.Category:
    made = [
        # TensorBoard looks for a match at the beginning of a tag, and for no end.
        layout_pb2.Chart(
            title=chart.title,
            multiline=layout_pb2.MultilineChartContent(tag=[f"^({expression})$" for expression in chart.tags]),
        )
        for chart in charts
    ]
    return layout_pb2.Category(title=heading, chart=made)


SPLIT = "/(train|valid|test)"
NO_ERROR = "(?<!_se)"  # after a name of any letters
QUESTIONS = Layout(
    (
        (
            "Bounds",
            (
                Chart("ELBO of the training points", ["(pseudo_)?elbo/train"]),
                Chart("ELBO of the validation points", ["(pseudo_)?elbo/valid"]),
                Chart(
                    "ELBO and tighter bounds, test points",
                    [rf"(pseudo_)?(elbo|elbo_optimal\w*|iwae_\w+|ais){NO_ERROR}/test", "log_marginal/test"],
                ),
                Chart("objective, where it is not the ELBO", ["(relaxed_)?objective/train"]),
            ),
        ),
        (
            "Terms of the ELBO",
            (
                Chart("E_q[log p(x given z)]", ["log_likelihood/(train|valid)"]),
                Chart("KL(q ‖ p(z))", ["kl/(train|valid)"]),
            ),
        ),
        (
            "Gaps, from evaluation=gap",
            (
                Chart("approximation gap: the family", [rf"approximation_gap\w*{NO_ERROR}{SPLIT}"]),
                Chart("amortization gap: finding φ", [rf"amortization_gap{SPLIT}"]),
                Chart("inference gap: their sum", [rf"inference_gap{SPLIT}"]),
            ),
        ),
        (
            "Estimator variance, from evaluation=gradient",
            (
                Chart("tr Cov of the gradient", ["gradient_variance/.+"]),
                Chart("signal-to-noise ratio of the gradient", ["gradient_snr/.+"]),
            ),
        ),
        (
            "Inner loop, of strategies that search for φ or take turns",
            (
                Chart("steps of the ascent", [rf"inner_steps{SPLIT}"]),
                Chart("share of the points that have converged", [rf"inner_converged{SPLIT}"]),
                Chart("how far φ moves from the guess", ["refinement/train"]),
                Chart("nats gained by refinement or restarts", [rf"(refinement|restart)_gain{SPLIT}"]),
                Chart("mutual information that ends aggressive training", ["information/train"]),
            ),
        ),
        (
            "Gradient norms",
            (
                Chart("θ", ["gradient_norm/theta"]),
                Chart("λ", ["gradient_norm/lam"]),
                Chart("φ, mean over points", ["gradient_norm_phi/train"]),
            ),
        ),
    )
)
