"""Iterative against standard encoders, at equal epochs."""

from reproduction.laboratory import Laboratory
from reproduction.seeds import order, row
from reproduction.table import Row

REFERENCE = "Marino, Yue, Mandt 2018, Iterative amortized inference"
SOURCE = (
    "the abstract: iterative inference models outperform standard ones on images. The figures of the paper's table "
    "could not be traced."
)
REMARKS = (
    "Dynamically binarised MNIST, 64 latents, networks of two layers of 512 units, 5 steps. The iterative encoder "
    "costs about 6 decoder evaluations where the standard one costs 1; the comparison is at equal epochs, as in the "
    "paper. [strategies.md](strategies.md) compares at equal cost, on smaller data.",
)
NAMES = ("standard", "iterative")
SHORT = 1
WORDS = ("evaluation.points=1000",)
SEEDS = (0, 1)
TAG = "elbo/test"


def rows(laboratory: Laboratory) -> list[Row]:
    """The test ELBO of both."""
    seeds = SEEDS if laboratory.short else SEEDS[:1]
    runs = {
        name: [laboratory.train(f"marino2018/{name}", short=SHORT, short_words=WORDS, seed=seed) for seed in seeds]
        for name in NAMES
    }
    pairs = zip(runs["iterative"], runs["standard"], strict=True)
    holds = order([ours.metrics[TAG] - theirs.metrics[TAG] for ours, theirs in pairs])
    points = ", 1,000 test points" if laboratory.short else ""
    return [
        row(
            f"marino2018/{name}",
            "test ELBO, nats",
            runs[name],
            TAG,
            budget=runs[name][0].budget + points,
            claim="above `standard`" if name == "iterative" else "",
            holds=holds if name == "iterative" else None,
        )
        for name in NAMES
    ]
