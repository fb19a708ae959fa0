"""Test log-likelihoods of VAE and IWAE at 1, 5 and 50 samples, with one and two stochastic layers."""

from reproduction.expected import head
from reproduction.laboratory import Laboratory
from reproduction.table import Row

REFERENCE = "Burda, Grosse, Salakhutdinov 2016, Importance weighted autoencoders"
SOURCE = (
    "table 1 and appendix D as they are quoted in the README of github.com/nbip/IWAE. They are figures after 3,280 "
    "epochs; figures of the paper after fewer epochs are not known."
)
REMARKS = (
    "As in the paper: networks, tanh, Glorot's initial weights, the output bias from the data, batches of 20, Adam "
    "with ε = 1e-4, the stages of the learning rate, dynamic binarisation; L_5000 at the test points. With two "
    "layers also q(z_1 given x) q(z_2 given z_1), by `posterior=layered_gaussian`.",
    "Unlike there: one last map gives mean and scale together, and has Glorot's variance of its joint size; that of "
    "q(z_2 given z_1) is multiplied by 0.01 at first; scales are bounded; the checkpoint with the best validation "
    "bound instead of the last; 50,000 training points instead of 59,600. The published code has β_1 = 0.99 in Adam "
    "and starts the second moments at 1 (optimizers.py of github.com/yburda/iwae); here β_1 = 0.9, and they start at "
    "0.",
    "`vae_k1` has the whole budget of the paper. `iwae_k50` ends after the fourth of eight stages, at a learning "
    "rate that is 3.7 times the last one, `iwae_k5` after the sixth, at 1.9 times, and the others after the fifth, "
    "at 2.7 times the last one: their differences from the published figures say how far they have come, not whether "
    "the figures are reproduced. An earlier run of `iwae_k5`, which ended after the fifth stage, had −89.03 ± 0.23.",
    "With k = 1 both bounds are the same. The two runs with two layers and k = 1 differ in their random numbers "
    "alone, and by 0.6 nat; every row is one run.",
)
ALL = [
    *(f"{bound}_k{k}" for bound in ("vae", "iwae") for k in (1, 5, 50) if (bound, k) != ("iwae", 1)),
    *(f"static_iwae_k{k}" for k in (1, 5, 50)),
    *(f"two_layers_{bound}_k{k}" for bound in ("vae", "iwae") for k in (1, 5, 50)),
]
SHORT = {
    "vae_k1": 3280,
    "vae_k5": 121,
    "iwae_k5": 364,
    "iwae_k50": 40,
    "static_iwae_k1": 121,
    "static_iwae_k5": 121,
    "two_layers_vae_k1": 121,
    "two_layers_iwae_k1": 121,
    "two_layers_iwae_k5": 121,
}
"""Epochs of the shortened budget: 3,280 are the whole one; 40, 121 and 364 end the fourth to sixth of eight stages."""


def names(*, short: bool) -> list[str]:
    """The experiments of the table; with the shortened budget only some. Each is a row of its own."""
    return [f"burda2016/{run}" for run in (SHORT if short else ALL)]


def rows(laboratory: Laboratory) -> list[Row]:
    """A row for each run that is asked for."""
    return [row(laboratory, name) for name in names(short=laboratory.short) if laboratory.asked(name)]


def row(laboratory: Laboratory, name: str) -> Row:
    """L_5000 at the test points."""
    run = laboratory.train(name, "execution.compile=true", short=SHORT.get(name.rpartition("/")[2]))
    published = head(name).figures()["iwae_5000/test"]
    return Row(
        name,
        "test L_5000, nats",
        run.metrics["iwae_5000/test"],
        error=run.metrics["iwae_5000_se/test"],
        published=published.value,
        spread=published.spread,
        budget=run.budget,
        command=run.command,
        seconds=run.seconds,
    )
