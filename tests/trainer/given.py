"""A strategy with its data, and states of it."""

from typing import Any

import torch

from tests.problems import linear_strategy, simulated
from vaerun.data.base import Dataset
from vaerun.data.split import Split
from vaerun.trainer.checkpoint import Progress, capture
from vaerun.trainer.running_means import RunningMeans

CPU = torch.device("cpu")


class Given:
    """A small one of both."""

    def __init__(self) -> None:
        x = simulated(6)
        self.strategy = linear_strategy("joint", x)
        self.data = Dataset("given", Split(x), Split(x), Split(x), (x.shape[1],), "none", "real", "sha")

    def at(self, step: int, value: float | None = None) -> dict[str, Any]:
        """The state at a step, after every entry of W became ``value``."""
        if value is not None:
            with torch.no_grad():
                self.strategy.bound.model.W.fill_(value)
        return capture(strategy=self.strategy, progress=Progress(step=step), means=RunningMeans(), data=self.data)
