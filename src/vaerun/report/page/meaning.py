"""What each column of the table means."""

from vaerun.evaluation import meaning as metric_meaning

COSTS = {
    "seconds": "time in training steps, without evaluation",
    "decoder_evaluations": "how often training decoded a sample z for a data point; the same on every machine",
    "samples_per_second": "data points per second of training, without evaluation",
    "phi": "variational parameters stored for the training points, N·P in total",
}


def meaning(name: str) -> str | None:
    """A phrase for a column; None if its title says enough."""
    if metric_meaning.known(name.partition("/")[0]):
        return metric_meaning.meaning(name)
    return COSTS.get(name)
