"""Means of what the steps since the last record reported, summed on the device."""

import torch
from torch import Tensor

from vaerun.notation import Estimate

BASE = ("objective", "log_likelihood", "kl")


class Meter:
    """mean over steps and points of each quantity, without asking the device before ``means`` is called."""

    def __init__(self) -> None:
        self.steps = 0
        self.sums: dict[str, Tensor] = {}

    def add(self, estimate: Estimate) -> None:
        """Takes one step's estimate in."""
        base = torch.stack((estimate.value, estimate.log_likelihood, estimate.kl)).mean(1)
        self._sum("base", base)
        for name, values in estimate.diagnostics.items():
            self._sum(name, values.mean())
        self.steps += 1

    def _sum(self, name: str, value: Tensor) -> None:
        self.sums[name] = self.sums[name] + value if name in self.sums else value.clone()

    def means(self) -> dict[str, float]:
        """The means since the last call, by quantity; waits for the device."""
        means: dict[str, float] = {}
        for name, total in self.sums.items():
            if name == "base":
                means.update(zip(BASE, (total / self.steps).tolist(), strict=True))
            else:
                means[name] = float(total / self.steps)
        self.steps, self.sums = 0, {}
        return means

    def state_dict(self) -> dict[str, object]:
        """What a checkpoint needs to go on in the middle of a mean."""
        return {"steps": self.steps, "sums": dict(self.sums)}

    def load_state_dict(self, state: dict, device: torch.device) -> None:
        """Goes on from ``state``."""
        self.steps = state["steps"]
        self.sums = {name: total.to(device) for name, total in state["sums"].items()}
