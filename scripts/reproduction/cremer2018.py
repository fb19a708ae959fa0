"""Approximation gap and amortization gap against encoder, decoder and family."""

from reproduction.laboratory import Laboratory, Trained
from reproduction.table import Row

REFERENCE = "Cremer, Li, Duvenaud 2018, Inference suboptimality in variational autoencoders"
SOURCE = (
    "the abstract: suboptimal inference is often due to amortizing inference rather than to the family. The figures "
    "of the paper's tables could not be traced, so only signs and order are compared."
)
REMARKS = (
    "As in the code of the paper: networks, tanh, statically binarised MNIST, gaps at training points. The gaps are "
    "means over 100 of them; log p(x) is the larger of annealed importance sampling and L_2000 of the best q, a "
    "lower bound, so the approximation gap is a lower bound, too.",
    "With an affine encoder (`small_encoder`) the amortization gap is larger by 1.5 ± 0.2 nats than with two hidden "
    "layers, and the approximation gap by 0.6 ± 0.1. With an affine decoder (`small_decoder`) the approximation gap is "
    "larger by 3.2 ± 0.2, and the amortization gap smaller by 0.7 ± 0.2. So the encoder decides mainly about the "
    "amortization gap, and the decoder about the approximation gap.",
    "The amortization gap is clearly the larger one in one of the three models only. The approximation gap is bounded "
    "from below, one seed was run, the search for the best q ended before it had converged at 15 to 65 of 100 points, "
    "and the runs have 121 of 3,280 epochs, 21 of them after the KL warm-up: so this neither supports nor contradicts "
    "the paper's claim.",
    "The flow (`cremer2018/flow`, planar) has no row: after 121 epochs, the search for the best q had not converged "
    "at any of the 100 points, neither after 1,000 steps for each nor after 4,000. The ELBO of these points was "
    "−94.35, and at the q found −90.78 and −90.63.",
)
SHORT = 121  # the first five of eight stages of the learning rate
GAPS = ("approximation_gap", "amortization_gap")


def names(*, short: bool) -> list[str]:
    """The experiments of the table; with the shortened budget without the flow. Each has rows of its own."""
    return [
        f"cremer2018/{name}" for name in ("standard", "small_encoder", "small_decoder", *(() if short else ("flow",)))
    ]


def rows(laboratory: Laboratory) -> list[Row]:
    """Both gaps of each model that is asked for, and what the paper says about them."""
    asked = [name for name in names(short=laboratory.short) if laboratory.asked(name)]
    runs = {name: laboratory.train(name, "execution.compile=true", short=SHORT) for name in asked}
    return [row(name, runs[name], gap) for name in asked for gap in GAPS]


def row(name: str, run: Trained, gap: str) -> Row:
    """One gap of one run. The paper says "often", so that no single model decides."""
    return Row(
        name,
        f"{gap.replace('_', ' ')}, nats",
        run.metrics[f"{gap}/train"],
        error=run.metrics[f"{gap}_se/train"],
        claim="often above the approximation gap" if gap == "amortization_gap" else "",
        budget=run.budget,
        command=run.command,
        seconds=run.seconds,
    )
