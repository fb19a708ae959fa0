"""States of the random generators: of a run, and isolated ones for evaluations."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


def generator_state(device: torch.device) -> dict[str, torch.Tensor]:
    """The states of the generators that a run on ``device`` draws from."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_generator_state(state: dict[str, Any], device: torch.device) -> None:
    """Restores the generators; a state that was saved on another type of device restores only the CPU's."""
    torch.set_rng_state(state["cpu"].cpu())
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)


@contextmanager
def isolated(seed: int, device: torch.device) -> Iterator[None]:
    """Inside, random numbers come from ``seed``; afterwards, the generators have their earlier state."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
