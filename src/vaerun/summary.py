"""What is left to say of a run when it has ended."""

import math
import platform
import resource
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import hydra
import numpy
import omegaconf
import torch

import vaerun
from vaerun.built import Run
from vaerun.directory import flatten
from vaerun.errors import DivergedError, RunError, UserError
from vaerun.tracking.base import POSITION
from vaerun.trainer.checkpoint import Progress


def outcome(error: BaseException) -> str:
    """The status of a run that ended with ``error``."""
    if isinstance(error, DivergedError):
        return "diverged"
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"


def reason(error: BaseException) -> str:
    """What ended a run, in a sentence; with the error's kind where nobody expected it."""
    expected = isinstance(error, (UserError, RunError, KeyboardInterrupt))
    return f"{error}" if expected and f"{error}" else f"{type(error).__name__}: {error}"


def peak_memory_bytes(device: torch.device) -> int:
    """The most memory the device's tensors, or on a CPU the process, have taken."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes if sys.platform == "darwin" else 1024 * kibibytes  # macOS counts in bytes


def newest(records: Sequence[Mapping[str, float]]) -> dict[str, float | None]:
    """The newest value of every tag; None where it is not finite, which JSON cannot say."""
    tags = {tag: value for record in records for tag, value in record.items() if tag not in POSITION}
    return {tag: value if math.isfinite(value) else None for tag, value in tags.items()}


def unfinished(
    error: BaseException, records: Sequence[Mapping[str, float]], *, seed: int, run: Run | None
) -> dict[str, Any]:
    """The content of summary.json for a run that ended with ``error``: how far it came, as its records tell.

    Args:
        error: what was raised.
        records: of metrics.jsonl.
        seed: of the run.
        run: what was built; None where that is what failed.
    """
    last = records[-1] if records else dict.fromkeys(POSITION, 0)
    return {
        "status": outcome(error),
        "reason": reason(error),
        "metrics": newest(records),
        "steps": last["step"],
        "epochs": last["epoch"],
        **{key: last[key] for key in POSITION if key not in ("step", "epoch")},
        **(provenance(run) if run is not None else {"versions": versions()}),
        "seed": seed,
    }


def summarise(run: Run, progress: Progress, records: Sequence[Mapping[str, float]], seed: int) -> dict[str, Any]:
    """The content of summary.json for a run that has come to its end."""
    samples = progress.step * run.batch_size
    return {
        "status": "completed",
        "reason": None,
        "metrics": newest(records),
        "steps": progress.step,
        "epochs": progress.step / run.steps_per_epoch,
        "best": {"step": progress.best_step, "valid": progress.best},  # what the test figures are of
        "seconds": progress.seconds,
        "train_seconds": progress.train_seconds,
        "train_samples_per_second": samples / progress.train_seconds,
        "decoder_evaluations": run.strategy.decoder_evaluations,
        "encoder_evaluations": run.strategy.encoder_evaluations,
        **provenance(run),
        "seed": seed,
    }


def provenance(run: Run) -> dict[str, Any]:
    """What a run's figures are of, and what they were computed with: known as soon as it is built."""
    data, device = run.data, run.device
    return {
        "parameters": run.strategy.num_parameters(),
        "peak_memory_bytes": peak_memory_bytes(device),
        "versions": versions(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu ({platform.machine()})",
        "threads": run.threads,
        "products": run.products,
        "data": {
            "name": data.name,
            "binarize": data.binarize,
            "split_sizes": {"train": len(data.train), "valid": len(data.valid), "test": len(data.test)},
            "sha256": data.sha256,
        },
    }


def versions() -> dict[str, str]:
    """Of what computes a run's figures."""
    return {
        "vaerun": vaerun.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "hydra": hydra.__version__,
        "omegaconf": omegaconf.__version__,
    }


def described(run: Run) -> dict[str, str]:
    """The same in words for a person."""
    counts = ", ".join(f"{name} {count:,}" for name, count in run.strategy.num_parameters().items() if count)
    sizes = f"{len(run.data.train):,} + {len(run.data.valid):,} + {len(run.data.test):,}"
    computing = f", {run.threads} thread{'s' * (run.threads > 1)}, products by {run.products}"
    return {
        "data": f"{run.data.name} ({run.data.binarize}), {sizes} points",
        "parameters": counts,
        "device": f"{run.device}{computing if run.device.type == 'cpu' else ''}",
    }


def environment(run: Run) -> dict[str, str]:
    """What a run's figures depend on besides its configuration, in words."""
    return {**described(run), "sha256 of the data": run.data.sha256, "machine": platform.node(), **versions()}


def hyperparameters(config: Mapping[str, Any]) -> dict[str, float | str | bool]:
    """Every choice and every number of a configuration."""
    values: dict[str, float | str | bool] = dict(config["choices"])
    for key, value in flatten({name: node for name, node in config.items() if name != "choices"}).items():
        if key.split(".")[-1] not in ("_target_", "_partial_"):
            values[key] = value if isinstance(value, (bool, int, float, str)) else str(value)
    return values
