"""What each column is: a figure's meaning as its evaluation tells it, and the costs that no evaluation knows."""

from vaerun.evaluation import meaning as figures

COSTS = {
    "seconds": "time in training steps, evaluation excluded",
    "decoder_evaluations": "passes of a point's sample through the decoder in training: the cost no machine changes",
    "samples_per_second": "data points per second of training steps, evaluation excluded",
    "phi": "numbers stored per data point, N·P in all",
}


def meaning(name: str) -> str | None:
    """The phrase for a column; None where its title says enough."""
    if figures.known(name.partition("/")[0]):
        return figures.meaning(name)
    return COSTS.get(name)
