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
    "The amortization gap is the larger one in two of the three models. The approximation gap is only bounded from "
    "below, and the runs have 4 of 3,280 epochs, so this neither supports nor contradicts the paper.",
    "The shortened runs end within the KL warm-up of 100 epochs, so a warm-up of 2 epochs takes its place.",
)
SHORT = 121  # the first five of eight stages of the learning rate
GAPS = ("approximation_gap", "amortization_gap")


def rows(laboratory: Laboratory) -> list[Row]:
    """Both gaps of each model, and what the paper says about them."""
    names = ("standard", "small_encoder", "small_decoder", "flow")
    runs = {name: laboratory.train(f"cremer2018/{name}", "execution.compile=true", short=SHORT) for name in names}
    return [row(name, runs[name], gap) for name in names for gap in GAPS]


def row(name: str, run: Trained, gap: str) -> Row:
    """One gap of one run. The paper says "often", so that no single model decides."""
    return Row(
        f"cremer2018/{name}",
        f"{gap.replace('_', ' ')}, nats",
        run.metrics[f"{gap}/train"],
        error=run.metrics[f"{gap}_se/train"],
        claim="often above the approximation gap" if gap == "amortization_gap" else "",
        budget=run.budget,
        command=run.command,
        seconds=run.seconds,
    )
