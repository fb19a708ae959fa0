"""Semi-amortized inference against an encoder and against SVI, at equal steps of θ."""

from reproduction.laboratory import Laboratory, Trained
from reproduction.seeds import order, row
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
    "All three take the same number of steps of θ on the same batches, as in the paper, which compares at equal "
    "epochs. A step of `svi` and of `semi_amortized` costs 21 decoder evaluations for each point, one of `amortized` "
    "costs one. So these rows do not say that semi-amortized inference is worth its cost; "
    "[strategies.md](strategies.md) compares at equal cost, on smaller data.",
    "`svi` in the shortened row is below a model of independent pixels (about −206): 20 steps of SVI from the prior "
    "do not find q so early, so it is no fair baseline there, and nothing is concluded from it.",
)
NAMES = ("amortized", "svi", "semi_amortized")
STEPS, BATCH = 200, 50
SHORT = ("evaluation.points=500", "trainer.validation.points=200")
SEEDS = (0, 1, 2)
TAG = "elbo/test"


def rows(laboratory: Laboratory) -> list[Row]:
    """The test ELBO of each."""
    seeds = SEEDS if laboratory.short else SEEDS[:1]
    runs = {name: [trained(laboratory, name, seed) for seed in seeds] for name in NAMES}

    def holds(other: str) -> bool | None:
        pairs = zip(runs["semi_amortized"], runs[other], strict=True)
        return order([ours.metrics[TAG] - theirs.metrics[TAG] for ours, theirs in pairs])

    def claimed(name: str) -> Row:
        ours = name == "semi_amortized"
        return row(
            f"kim2018/{name}",
            "test ELBO, nats",
            runs[name],
            TAG,
            budget=budget(runs[name][0], short=laboratory.short),
            claim="" if ours else "below `semi_amortized`",
            holds=None if ours or (name == "svi" and laboratory.short) else holds(name),
        )

    return [claimed(name) for name in NAMES]


def trained(laboratory: Laboratory, name: str, seed: int) -> Trained:
    """One run; with the shortened budget it ends after STEPS steps of θ."""
    cost = STEPS * BATCH * (1 if name == "amortized" else 21)  # 20 steps in φ, then the one of θ
    words = (f"trainer.max_decoder_evaluations={cost}", *SHORT)
    return laboratory.train(f"kim2018/{name}", short_words=words, seed=seed)


def budget(run: Trained, *, short: bool) -> str:
    """How much of the paper's budget was used."""
    return f"shortened: {STEPS} of about 100,000 steps, 500 test points" if short else run.budget
