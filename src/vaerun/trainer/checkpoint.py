"""A checkpoint: one file with everything that a run needs to continue with bit-identical results."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vaerun.data.base import Dataset
from vaerun.errors import DivergedError, UserError
from vaerun.execution.random_state import generator_state, set_generator_state
from vaerun.strategy.base import Strategy
from vaerun.trainer import shares
from vaerun.trainer.running_means import RunningMeans

FORMAT = 1


@dataclass
class Progress:
    """Steps and seconds of a run so far, and its best validation bound."""

    step: int = 0
    seconds: float = 0.0  # wall time, evaluation included, summed over resumes
    train_seconds: float = 0.0  # wall time of training steps only
    best_step: int = 0
    best: float = float("-inf")  # the bound on the validation points, nats per datum
    records: int = 0  # records made so far


def tensors(strategy: Strategy) -> dict[str, Tensor]:
    """Every tensor of a strategy by name: θ, λ, weights of the estimator, Φ and its optimiser states, schedules."""
    return {**dict(strategy.named_parameters()), **dict(strategy.named_buffers())}


def first_non_finite(held: Mapping[str, Tensor]) -> str | None:
    """The name of the first tensor with a value that is not finite, or None. Waits for the device once."""
    floating = {name: t for name, t in held.items() if t.is_floating_point() and t.numel()}
    # aminmax returns NaN if any value is NaN. It reads the tensor once; isfinite would read it four times.
    ends = torch.stack([torch.stack(torch.aminmax(t)) for t in floating.values()])
    finite = torch.isfinite(ends).all(1).tolist()
    return next((name for name, ok in zip(floating, finite, strict=True) if not ok), None)


def capture(*, strategy: Strategy, progress: Progress, means: RunningMeans, data: Dataset) -> dict[str, Any]:
    """The present state of a training. Its tensors are not copied: further training steps change them."""
    return {
        "format": FORMAT,
        "tensors": shares.whole(strategy, {name: t.detach() for name, t in tensors(strategy).items()}),
        "optimizer": strategy.optimizer.state_dict(),
        "progress": asdict(progress),
        "evaluations": [strategy.decoder_evaluations, strategy.encoder_evaluations],
        "meter": means.state_dict(),
        "generators": generator_state(data.train.x.device),
        "data": data.sha256,
        "moments": [data.mean().cpu(), data.std()],  # needed to build the model when the data are not available
        **shares.of_processes(means, data.train.x.device),
    }


def write(path: Path, state: dict[str, Any]) -> None:
    """Writes the state to a temporary file and renames it to ``path``, so that ``path`` is never half-written.

    Raises:
        DivergedError: a tensor has a value that is not finite; an earlier file at ``path`` stays.
    """
    if broken := first_non_finite(state["tensors"]):
        raise DivergedError(f"{broken} holds a non-finite value at step {state['progress']['step']}")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def load(path: Path, device: torch.device) -> dict[str, Any]:
    """Reads a checkpoint. Only tensors are loaded, so a file from another person cannot run code.

    Raises:
        UserError: the file does not exist or is not a checkpoint of this format.
    """
    try:
        # Memory-mapped, because the tensors are copied into the strategy and would otherwise be in memory twice.
        state = torch.load(path, map_location=device, weights_only=True, mmap=True)
    except FileNotFoundError:
        raise UserError(
            f"{path} does not exist: the run has not reached its first checkpoint, or it was moved."
        ) from None
    except Exception as error:
        raise UserError(
            f"{path} cannot be read as a checkpoint ({type(error).__name__}): the file is damaged; use the other one "
            f"in its folder, or train again."
        ) from error
    found = state.get("format") if isinstance(state, dict) else None
    if found != FORMAT:
        raise UserError(f"{path} has checkpoint format {found}, not {FORMAT}: open it with the version that wrote it.")
    return state


def restore_tensors(state: dict[str, Any], strategy: Strategy, data: Dataset) -> None:
    """Loads all tensors of a checkpoint into the strategy, which is enough to evaluate it.

    Raises:
        UserError: the tensors do not fit the strategy, or the run was trained on other data.
    """
    if state["data"] != data.sha256:
        raise UserError(
            f"data={data.name} is not what this run was trained on (sha256 {data.sha256[:12]}…, not "
            f"{state['data'][:12]}…): restore the data file, or start a new run."
        )
    set_tensors(state, strategy)


def set_tensors(state: dict[str, Any], strategy: Strategy) -> None:
    """The same without comparing the data.

    Raises:
        UserError: the tensors do not fit the strategy.
    """
    held = tensors(strategy)
    saved: dict[str, Tensor] = shares.own(strategy, state["tensors"])
    if held.keys() != saved.keys() or any(held[name].shape != saved[name].shape for name in held):
        odd = sorted(held.keys() ^ saved.keys()) or [n for n in held if held[n].shape != saved[n].shape]
        raise UserError(
            f"the checkpoint does not fit this configuration (first at {odd[0]}): evaluate a run with the config.yaml "
            f"and the data it was trained with."
        )
    with torch.no_grad():
        for name, tensor in held.items():
            tensor.copy_(saved[name])


def restore(
    state: dict[str, Any], *, strategy: Strategy, means: RunningMeans, data: Dataset, seed: int = 0
) -> Progress:
    """Restores everything that ``capture`` saved, and returns the progress."""
    device = data.train.x.device
    restore_tensors(state, strategy, data)
    strategy.optimizer.load_state_dict(state["optimizer"])
    strategy.decoder_evaluations, strategy.encoder_evaluations = state["evaluations"]
    means.load_state_dict(shares.meter(state), device)
    set_generator_state(shares.generators(state, seed), device)
    return Progress(**state["progress"])
