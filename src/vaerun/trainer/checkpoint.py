"""A checkpoint: one file with everything that a run needs to continue with bit-identical results."""

import zlib
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
from vaerun.system.files import folder
from vaerun.system.memory import is_memory
from vaerun.system.warning import warn_once
from vaerun.tracking.jsonl import line
from vaerun.trainer import checkpoint_file, shares
from vaerun.trainer.checkpoint_content import FORMATS, fault_in
from vaerun.trainer.checkpoint_file import DamagedError, previous
from vaerun.trainer.running_means import RunningMeans

FORMAT = FORMATS[-1]


@dataclass
class Progress:
    """Steps and seconds of a run so far, and its best validation bound."""

    step: int = 0
    seconds: float = 0.0  # wall time, evaluation included, summed over resumes
    train_seconds: float = 0.0  # wall time of training steps only, without compiling
    compile_seconds: float = 0.0  # wall time of compiling, in training steps and in evaluations
    best_step: int = 0
    best: float = float("-inf")  # the bound on the validation points, nats per datum
    records: int = 0  # records made so far
    records_checksum: int | None = 0  # of all of them as lines of metrics.jsonl; None if it is not known

    def count(self, record: Mapping[str, float]) -> None:
        """Counts a record."""
        self.records += 1
        if self.records_checksum is not None:
            self.records_checksum = zlib.crc32(line(self.step, record), self.records_checksum)


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
    """Writes the state; ``path`` is never half-written, and the state before is kept beside it.

    Raises:
        DivergedError: a tensor has a value that is not finite; an earlier file at ``path`` stays.
        OSError: the file cannot be written; an earlier file at ``path`` stays.
    """
    if broken := first_non_finite(state["tensors"]):
        step = state["progress"]["step"]
        raise DivergedError(f"{broken} holds a non-finite value at step {step}", step)
    folder(path.parent)
    checkpoint_file.write(path, state)


def load(path: Path, device: torch.device) -> dict[str, Any]:
    """Reads a checkpoint; if it is damaged, the one before it, with a warning.

    Raises:
        UserError: neither can be read.
    """
    state, fault = read(path, device)
    if state is not None:
        return state
    before = previous(path)
    state, _ = read(before, device)
    if state is None:
        other = "last" if path.stem == "best" else "best"
        remedy = f": use the checkpoint {other} of the run, or train again" if path.exists() else ""
        kept = sorted(file.stem for file in path.parent.glob("*.pt") if "." not in file.stem and file != path)
        if kept and not path.exists():
            raise UserError(f"{path} does not exist. The checkpoints there are {', '.join(kept)}: use one of them.")
        raise UserError(f"{path} {fault}{remedy}.")
    warn_once(f"{path} {fault}: {before.name} is used, the state of step {state['progress']['step']}")
    return state


def read(path: Path, device: torch.device) -> tuple[dict[str, Any] | None, str]:
    """The state in one file; or None, and what is wrong with the file.

    Raises:
        OSError: the file exists but cannot be read.
    """
    try:
        state, checked = checkpoint_file.read(path, device)
    except FileNotFoundError:
        return None, "does not exist: the run has not reached its first checkpoint, or it was moved"
    except DamagedError as damaged:
        return None, f"cannot be read as a checkpoint, because it is damaged ({damaged})"
    if not checked and isinstance(state, dict) and isinstance(state.get("progress"), dict):
        for key, value in (("records_checksum", None), ("compile_seconds", 0.0)):  # which format 1 does not have
            state["progress"].setdefault(key, value)
    if fault := fault_in(state, Progress):
        return None, f"cannot be read as a checkpoint, because {fault}"
    if not checked and state["format"] > 1:
        return None, "cannot be read as a checkpoint, because it is damaged (its checksum is missing)"
    if not checked:
        warn_once(f"{path} has no checksum, because an earlier version has written it: damage would not be noticed")
    return state, ""


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
            f"the checkpoint does not fit this configuration (first at {odd[0]}): evaluate a run with the config.yaml, "
            f"the data and the version of vaerun that it was trained with."
        )
    with torch.no_grad():
        for name, tensor in held.items():
            tensor.copy_(saved[name])


def restore(
    state: dict[str, Any], *, strategy: Strategy, means: RunningMeans, data: Dataset, seed: int = 0
) -> Progress:
    """Restores everything that ``capture`` saved, and returns the progress.

    Raises:
        UserError: the state does not fit the strategy, or the run was trained on other data.
    """
    device = data.train.x.device
    restore_tensors(state, strategy, data)
    try:
        strategy.optimizer.load_state_dict(state["optimizer"])
        strategy.decoder_evaluations, strategy.encoder_evaluations = state["evaluations"]
        means.load_state_dict(shares.meter(state), device)
        set_generator_state(shares.generators(state, seed), device)
    except (KeyError, ValueError, TypeError, RuntimeError, AttributeError, IndexError) as error:
        if is_memory(error):
            raise
        raise UserError(
            f"the checkpoint does not fit this configuration ({type(error).__name__} in its optimiser or generators): "
            f"start a new run."
        ) from error
    return Progress(**state["progress"])
