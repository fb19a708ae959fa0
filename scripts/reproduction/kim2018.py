"""Semi-amortized inference against an encoder and against SVI, at equal decoder evaluations."""

from reproduction.laboratory import Laboratory, Trained
from reproduction.table import Row

REFERENCE = "Kim, Wiseman, Miller, Sontag, Rush 2018, Semi-amortized variational autoencoders"
SOURCE = (
    "the abstract: semi-amortized inference outperforms the baselines. The paper's figures are on Omniglot and on "
    "text, with a PixelCNN and an LSTM as decoders, which vaerun does not have; so no figure can be compared."
)
REMARKS = (
    "As in the code of the paper: 32 latents, 20 steps of SVI with a step size of 1, momentum ½ and gradients "
    "clipped at 5, batches of 50. Unlike there: the default decoder of vaerun on statically binarised MNIST, on "
    "which posteriors do not collapse.",
    "All three have the same number of decoder evaluations in training, where the encoder takes about 20 times more "
    "steps of θ. The paper compares at equal epochs, so its claim is not tested here.",
)
EVALUATIONS = 500_000


def rows(laboratory: Laboratory) -> list[Row]:
    """The test ELBO of each."""
    budget = f"trainer.max_decoder_evaluations={EVALUATIONS}"
    short = ("evaluation.points=500", "trainer.validation.points=200")
    names = ("amortized", "svi", "semi_amortized")
    return [row(name, laboratory.train(f"kim2018/{name}", budget, short_words=short)) for name in names]


def row(name: str, run: Trained) -> Row:
    """The test ELBO of one run."""
    return Row(
        f"kim2018/{name}",
        "test ELBO, nats",
        run.metrics["elbo/test"],
        error=run.metrics["elbo_se/test"],
        budget=f"shortened: {EVALUATIONS:,} decoder evaluations" if run.epochs < run.whole else run.budget,
        command=run.command,
        seconds=run.seconds,
    )
