"""Running means of the metrics of training steps, summed on the device."""

from typing import Any

import torch
from torch import Tensor

from vaerun.execution import parallel
from vaerun.notation import Estimate


class RunningMeans:
    """The mean of each quantity over steps and points. Only ``means`` waits for the device.

    Values [B] of successive steps are added elementwise, one operation per quantity; ``means`` sums over the B points.
    """

    def __init__(self) -> None:
        self.steps = 0
        self.sums: dict[str, Tensor] = {}  # sums over steps, each [B] or []

    def add(self, estimate: Estimate) -> None:
        """Adds the values of one step."""
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
        """The means since the last call, by quantity, over all processes. Waits for the device once."""
        totals = torch.stack([total.mean() for total in self.sums.values()])
        parallel.average([totals])
        means = {name: total / self.steps for name, total in zip(self.sums, totals.tolist(), strict=True)}
        self.steps, self.sums = 0, {}
        return means

    def state_dict(self) -> dict[str, object]:
        """The sums, for a checkpoint: a resumed run continues the same means."""
        return {"steps": self.steps, "sums": {name: total.clone() for name, total in self.sums.items()}}

    def load_state_dict(self, state: dict[str, Any], device: torch.device) -> None:
        """Restores the sums from ``state``."""
        self.steps = state["steps"]
        self.sums = {name: total.to(device) for name, total in state["sums"].items()}
