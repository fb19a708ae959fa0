"""The checkpoint of a trained run, or why there is none and what to do."""

from pathlib import Path
from typing import Any

import torch

from vaerun.errors import UserError
from vaerun.experiment.directory import checkpoint_path, how_to_resume, read_summary
from vaerun.trainer import checkpoint


def trained(directory: Path, name: str, device: torch.device) -> dict[str, Any]:
    """The state of a run at a checkpoint.

    Args:
        directory: the run directory.
        name: of the checkpoint: ``best``, ``last`` or ``epoch_N``.
        device: of its tensors.

    Raises:
        UserError: the run has no checkpoint, this one does not exist, or it cannot be read.
    """
    path = checkpoint_path(directory, name)
    if not any(path.parent.glob("*.pt")):
        raise UserError(_untrained(directory))
    return checkpoint.load(path, device)


def _untrained(directory: Path) -> str:
    """The sentence about a run directory without any checkpoint."""
    summary = read_summary(directory)
    status, reason = summary.get("status"), str(summary.get("reason") or "log.txt has the reason").rstrip(".")
    if status == "completed":
        return f"{directory / 'checkpoints'} holds no checkpoint: restore this folder of the run, or train again."
    if status in ("failed", "diverged"):
        return (
            f"{directory} holds no trained model, because its run {status} before its first checkpoint ({reason}): "
            "remove this cause, and train again."
        )
    return (
        f"{directory} holds no trained model, because its run has not reached its first checkpoint: wait for it if it "
        f"is still running, otherwise continue it with {how_to_resume(directory)}."
    )
