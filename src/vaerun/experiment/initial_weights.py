"""Starts a run with the weights of another one."""

import logging
from pathlib import Path

import torch

from vaerun.errors import UserError
from vaerun.experiment.directory import read_config
from vaerun.experiment.trained import trained
from vaerun.strategy.base import Strategy

logger = logging.getLogger("vaerun")

THETA = "bound.model."  # the start of the names of θ in a strategy


def take_weights(strategy: Strategy, directory: Path) -> None:
    """Sets θ, and those weights of λ that both runs have, to the values of the best checkpoint of a run.

    Nothing else is taken: φ_i, the state of the optimiser, averages of weights and random numbers begin anew, so the
    data, the strategy and the encoder may differ. A line in the log says what was taken.

    Args:
        strategy: that of the new run.
        directory: the run directory of the other.

    Raises:
        UserError: it is not a run directory, or θ has other names or shapes there.
    """
    read_config(directory)
    state = trained(directory, "best", torch.device("cpu"))
    saved, own = state["tensors"], dict(strategy.named_parameters())
    fits = {name: name in saved and saved[name].shape == weight.shape for name, weight in own.items()}
    for name, weight in own.items():
        if name.startswith(THETA) and not fits[name]:
            there = f"has the shape {list(saved[name].shape)}" if name in saved else "does not exist"
            raise UserError(
                f"init={directory} does not fit, because θ differs: {name} {there} in that run, and has the shape "
                f"{list(weight.shape)} here: use its model and its kind of data, or leave out init."
            )
    with torch.no_grad():
        for name, weight in own.items():
            if fits[name]:
                weight.copy_(saved[name])
    new = sum(not fit for fit in fits.values())
    logger.info(
        "init       θ and λ of %s (best, step %d): %d of %d weight tensors%s",
        directory, state["progress"]["step"], len(fits) - new, len(fits), "; the others begin anew" if new else "",
    )  # fmt: skip
