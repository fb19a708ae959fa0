"""Aggressive training of the encoder against the basic one: information in the latents."""

from reproduction.laboratory import Laboratory, Trained
from reproduction.table import Row

REFERENCE = (
    "He, Spokoyny, Neubig, Berg-Kirkpatrick 2019, Lagging inference networks and posterior collapse in variational "
    "autoencoders"
)
SOURCE = (
    "the abstract: aggressive training avoids posterior collapse. The paper's figures are on Omniglot and on text, "
    "with a PixelCNN and an LSTM as decoders, which vaerun does not have; so no figure can be compared."
)
REMARKS = (
    "As in the code of the paper: 32 latents, batches of 50. Unlike there: the default decoder of vaerun on "
    "statically binarised MNIST. The paper's claim, that a collapse is prevented, is not tested unless `basic` "
    "collapses: the rows only show the numbers of both.",
)
EVALUATIONS = 500_000


def rows(laboratory: Laboratory) -> list[Row]:
    """Mutual information and active units of both."""
    words = (f"trainer.max_decoder_evaluations={EVALUATIONS}",)
    runs = {name: laboratory.train(f"he2019/{name}", short_words=words) for name in ("basic", "aggressive")}
    return [
        row(name, run, tag, quantity)
        for tag, quantity in (
            ("mutual_information/test", "mutual information, nats"),
            ("active_units/test", "active units"),
        )
        for name, run in runs.items()
    ]


def row(name: str, run: Trained, tag: str, quantity: str) -> Row:
    """One quantity of one run."""
    return Row(
        f"he2019/{name}",
        quantity,
        run.metrics[tag],
        budget=f"shortened: {EVALUATIONS:,} decoder evaluations" if run.epochs < run.whole else run.budget,
        command=run.command,
        seconds=run.seconds,
    )
