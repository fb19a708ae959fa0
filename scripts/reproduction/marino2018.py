"""Iterative against standard encoders, at equal epochs."""

import math

from reproduction.laboratory import Laboratory
from reproduction.table import Row, above

REFERENCE = "Marino, Yue, Mandt 2018, Iterative amortized inference"
SOURCE = (
    "the abstract: iterative inference models outperform standard ones on images. The figures of the paper's table "
    "could not be traced."
)
REMARKS = (
    "Dynamically binarised MNIST, 64 latents, networks of two layers of 512 units, 5 steps. The iterative encoder "
    "costs about 6 decoder evaluations where the standard one costs 1; the comparison is at equal epochs, as in the "
    "paper.",
)
SHORT = 3


def rows(laboratory: Laboratory) -> list[Row]:
    """The test ELBO of both."""
    runs = {name: laboratory.train(f"marino2018/{name}", short=SHORT) for name in ("standard", "iterative")}
    bound, error = ({name: run.metrics[tag] for name, run in runs.items()} for tag in ("elbo/test", "elbo_se/test"))
    holds = above(bound["iterative"] - bound["standard"], math.hypot(*error.values()))
    return [
        Row(
            f"marino2018/{name}",
            "test ELBO, nats",
            bound[name],
            error=error[name],
            claim="above `standard`" if name == "iterative" else "",
            holds=holds if name == "iterative" else None,
            budget=run.budget,
            command=run.command,
            seconds=run.seconds,
        )
        for name, run in runs.items()
    ]
