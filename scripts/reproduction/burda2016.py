"""Test log-likelihoods of VAE and IWAE at 1, 5 and 50 samples."""

from reproduction.expected import head
from reproduction.laboratory import Laboratory
from reproduction.table import Row

REFERENCE = "Burda, Grosse, Salakhutdinov 2016, Importance weighted autoencoders"
SOURCE = (
    "table 1 and appendix D as they are quoted in the README of github.com/nbip/IWAE. They are figures after 3,280 "
    "epochs; figures of the paper after fewer epochs are not known."
)
REMARKS = (
    "As in the paper: networks, tanh, batches of 20, Adam with ε = 1e-4, the stages of the learning rate, the output"
    " bias from the data, dynamic binarisation; L_5000 at the test points.",
    "Unlike there: PyTorch's initial weights instead of Glorot's, which vaerun has no option for; the checkpoint "
    "with the best validation bound instead of the last; 50,000 training points instead of 59,600. The published "
    "code has β_1 = 0.99 in Adam and starts the second moments at 1 (optimizers.py of github.com/yburda/iwae); here "
    "β_1 = 0.9, and they start at 0.",
    "The shortened runs end after three of the eight stages. Their difference from the published figures says how "
    "far they have come, not whether the figures are reproduced.",
    "Two stochastic layers (`burda2016/two_layers_*`) can be run, but have another q: one normal over both layers.",
)
SHORT = 13  # three stages: 1 + 3 + 9
ALL = [
    *(f"{bound}_k{k}" for bound in ("vae", "iwae") for k in (1, 5, 50) if (bound, k) != ("iwae", 1)),
    *(f"static_iwae_k{k}" for k in (1, 5, 50)),
    *(f"two_layers_{bound}_k{k}" for bound in ("vae", "iwae") for k in (1, 5, 50)),
]
CHEAP = ("vae_k1", "vae_k5", "iwae_k5")
POINTS = ("evaluation.points=1000",)


def rows(laboratory: Laboratory) -> list[Row]:
    """A row for each run; with the shortened budget only the cheaper ones."""
    return [row(laboratory, f"burda2016/{name}") for name in (CHEAP if laboratory.short else ALL)]


def row(laboratory: Laboratory, name: str) -> Row:
    """L_5000 at the test points."""
    run = laboratory.train(name, short=SHORT, short_words=POINTS)
    published = head(name).figures()["iwae_5000/test"]
    points = ", 1,000 test points" if laboratory.short else ""
    return Row(
        name,
        "test L_5000, nats",
        run.metrics["iwae_5000/test"],
        error=run.metrics["iwae_5000_se/test"],
        published=published.value,
        spread=published.spread,
        budget=run.budget + points,
        command=run.command,
        seconds=run.seconds,
    )
