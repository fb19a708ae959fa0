"""Aggressive training of the encoder against the basic one: information in the latents."""

from reproduction.laboratory import Laboratory, Trained
from reproduction.seeds import order, row
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
    "collapses.",
    "The shortened runs have the same number of decoder evaluations: 2,000 steps of θ for `basic`, about 57 for "
    "`aggressive`, which spends the rest on the encoder. No unit collapses in either. So the lower information of "
    "`aggressive` shows how little its decoder has been trained, and says nothing about the paper, which compares "
    "trainings that have converged. The estimate of the information cannot exceed log 2,000 = 7.60.",
)
NAMES = ("basic", "aggressive")
EVALUATIONS = 100_000
UNITS = 32
SHORT = (f"trainer.max_decoder_evaluations={EVALUATIONS}",)
SEEDS = (0, 1)
QUANTITIES = {
    "mutual_information/test": "mutual information, nats",
    "active_units/test": "active units",
    "elbo/test": "test ELBO, nats",
}


def rows(laboratory: Laboratory) -> list[Row]:
    """Mutual information, active units and the test ELBO of both."""
    seeds = SEEDS if laboratory.short else SEEDS[:1]
    runs = {
        name: [laboratory.train(f"he2019/{name}", short_words=SHORT, seed=seed) for seed in seeds] for name in NAMES
    }

    def made(name: str, tag: str) -> Row:
        claimed = name == "aggressive" and tag != "elbo/test"
        pairs = zip(runs["aggressive"], runs["basic"], strict=True)
        return row(
            f"he2019/{name}",
            QUANTITIES[tag],
            runs[name],
            tag,
            budget=budget(runs[name][0], short=laboratory.short),
            claim="at least that of `basic`" if claimed else "",
            # The claim is about a posterior that collapses without aggressive training.
            holds=order([ours.metrics[tag] - theirs.metrics[tag] for ours, theirs in pairs])
            if claimed and collapses(runs["basic"])
            else None,
        )

    return [made(name, tag) for tag in QUANTITIES for name in NAMES]


def collapses(runs: list[Trained]) -> bool:
    """Whether fewer than half of the units are active in every run."""
    return all(run.metrics["active_units/test"] < UNITS / 2 for run in runs)


def budget(run: Trained, *, short: bool) -> str:
    """How much of the paper's budget was used."""
    return f"shortened: {EVALUATIONS:,} decoder evaluations" if short else run.budget
