"""Annealed importance sampling between two bounds."""

import math

from reproduction.laboratory import Laboratory
from reproduction.table import Row, above

REFERENCE = "Wu, Burda, Salakhutdinov, Grosse 2017, On the quantitative analysis of decoder-based generative models"
SOURCE = (
    "the method: on data drawn from the model, log p(x) lies between two bounds, whose distance falls with the "
    "number of temperatures. The paper's log-likelihoods are of real pixels and of other decoders, and could not be "
    "traced."
)
REMARKS = ("A VAE with 50 latents on statically binarised MNIST; 16 chains for each of 100 points.",)
NAME = "wu2017/ais"
TEMPERATURES = (100, 500)
SHORT = 5


def rows(laboratory: Laboratory) -> list[Row]:
    """The width between the bounds at two numbers of temperatures."""
    run = laboratory.train(NAME, short=SHORT, short_words=("evaluation.temperatures=10", "evaluation.points=10"))
    words = {T: (f"evaluation.temperatures={T}", "evaluation.simulate=true") for T in TEMPERATURES}
    found = {T: laboratory.evaluate(run, "ais", *words[T]) for T in TEMPERATURES}
    width, error = ({T: found[T][f"{tag}/simulated"] for T in TEMPERATURES} for tag in ("ais_width", "ais_width_se"))
    few, many = TEMPERATURES
    return [
        Row(
            f"{NAME}, {T} temperatures",
            "upper − lower bound on log p(x), nats",
            width[T],
            error=error[T],
            claim="" if few == T else "falls with the temperatures",
            holds=None if few == T else above(width[few] - width[many], math.hypot(error[few], error[many])),
            budget=run.budget,
            command=f"{run.command}\nvaerun eval RUN evaluation=ais {' '.join(words[T])}",
            seconds=run.seconds + found[T]["seconds"],
            digits=3,
        )
        for T in TEMPERATURES
    ]
