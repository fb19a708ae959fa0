"""Means of what the steps since the last record reported, summed on the device."""

from typing import Any

import torch
from torch import Tensor

from vaerun.notation import Estimate


class RunningMeans:
    """mean over steps and points of each quantity, without asking the device before ``means`` is called.

    Steps are summed place by place of the batch, in one operation a quantity, and points only when a mean is asked for.
    """

    def __init__(self) -> None:
        self.steps = 0
        self.sums: dict[str, Tensor] = {}  # each of the shape of a step's values, [B] or []

    def add(self, estimate: Estimate) -> None:
        """Takes one step's estimate in."""
        self._sum("objective", estimate.value)
        self._sum("log_likelihood", estimate.log_likelihood)
        self._sum("kl", estimate.kl)
        for name, values in estimate.diagnostics.items():
            self._sum(name, values)
        self.steps += 1

    def _sum(self, name: str, values: Tensor) -> None:
        if name in self.sums:
            self.sums[name] += values
        else:
            self.sums[name] = values.clone()

    def means(self) -> dict[str, float]:
        """The means since the last call, by quantity; waits for the device, once."""
        totals = torch.stack([total.mean() for total in self.sums.values()]).tolist()
        means = {name: total / self.steps for name, total in zip(self.sums, totals, strict=True)}
        self.steps, self.sums = 0, {}
        return means

    def state_dict(self) -> dict[str, object]:
        """What a checkpoint needs to go on in the middle of a mean."""
        return {"steps": self.steps, "sums": {name: total.clone() for name, total in self.sums.items()}}

    def load_state_dict(self, state: dict[str, Any], device: torch.device) -> None:
        """Goes on from ``state``."""
        self.steps = state["steps"]
        self.sums = {name: total.to(device) for name, total in state["sums"].items()}
