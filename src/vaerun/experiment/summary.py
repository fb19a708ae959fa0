"""The content of summary.json."""

import math
import platform
import resource
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
import numpy
import omegaconf
import torch

import vaerun
from vaerun.config.defaults import flatten
from vaerun.data.base import Dataset
from vaerun.errors import DivergedError, RunError, UserError, counted
from vaerun.execution import parallel
from vaerun.experiment.integrity import RECORDS
from vaerun.metric.metric import write
from vaerun.tracking.base import POSITION
from vaerun.tracking.jsonl import checksum_of, read, scan
from vaerun.trainer.cut_schedules import cut_schedules
from vaerun.trainer.training import Training, schedules_of

if TYPE_CHECKING:
    from vaerun.experiment.experiment import Experiment

STEPS = 200  # of φ at a visit; fewer are no remedy
LITTLE = 0.1  # nats left to gain in φ, mean over training points, up to which nothing is said


def outcome(error: BaseException) -> str:
    """The status of a run that ended with ``error``."""
    if isinstance(error, DivergedError):
        return "diverged"
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"


def reason(error: BaseException) -> str:
    """The message of the error that ended a run, with the class of the error if it was not an expected one."""
    if isinstance(error, KeyboardInterrupt):
        return str(error) or "interrupted"
    expected = isinstance(error, (UserError, RunError))
    return f"{error}" if expected and f"{error}" else f"{type(error).__name__}: {error}"


def peak_memory_bytes(device: torch.device) -> int:
    """The peak memory of the tensors on a CUDA device, or of the process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes if sys.platform == "darwin" else 1024 * kibibytes  # macOS counts in bytes


def newest(records: Sequence[Mapping[str, float]]) -> dict[str, float | None]:
    """The newest value of every tag; None if it is not finite, because JSON has no such number."""
    tags = {tag: value for record in records for tag, value in record.items() if tag not in POSITION}
    return {tag: value if math.isfinite(value) else None for tag, value in tags.items()}


def read_records(directory: Path) -> list[dict[str, float]]:
    """The records of the run in a directory so far.

    Raises:
        UserError: metrics.jsonl is damaged.
    """
    path = directory / "metrics.jsonl"
    return read(path) if path.exists() else []


def intact_records(directory: Path) -> list[dict[str, float]]:
    """The same without damaged lines; nothing if the file cannot be read."""
    try:
        return scan(directory / "metrics.jsonl")[0]
    except OSError:
        return []


def unfinished(
    error: BaseException, directory: Path, *, seed: int, experiment: "Experiment | None" = None
) -> dict[str, Any]:
    """The content of summary.json for a run that ended with ``error``; steps and cost are those of its last record.

    Args:
        error: the exception.
        directory: of the run.
        seed: of the run.
        experiment: the experiment; None if it could not be built.
    """
    records = intact_records(directory)
    last = records[-1] if records else dict.fromkeys(POSITION, 0)
    early: list[str] = []
    if experiment is not None and isinstance(error, KeyboardInterrupt):
        early = cut_off(experiment, round(last["step"]), reason(error))
    return {
        "status": outcome(error),
        "reason": reason(error),
        "warnings": [*(experiment.remarks if experiment is not None else ()), *early],
        "metrics": newest(records),
        "steps": last["step"],
        "epochs": last["epoch"],
        **{key: last.get(key, 0.0) for key in POSITION if key not in ("step", "epoch")},
        **(provenance(experiment) if experiment is not None else {"versions": versions()}),
        "seed": seed,
        RECORDS: checksum_of(records),
    }


def cut_off(experiment: "Experiment", steps: int, why: str) -> list[str]:
    """Warnings about schedules that were not followed to their end."""
    return list(
        cut_schedules(
            schedules_of(experiment.strategy),
            steps=steps,
            steps_per_epoch=experiment.steps_per_epoch,
            epochs=experiment.trainer.budget.epochs,
            why=why,
        )
    )


def summarise(
    experiment: "Experiment", training: Training, records: Sequence[Mapping[str, float]], warnings: Sequence[str]
) -> dict[str, Any]:
    """The content of summary.json for a completed run; its reason is why it ended before its budget was used up."""
    progress = training.progress
    samples = progress.step * experiment.batch_size
    return {
        "status": "completed",
        "reason": training.finish_reason,
        "warnings": list(warnings),
        "metrics": newest(records),
        "steps": progress.step,
        "epochs": progress.step / experiment.steps_per_epoch,
        "best": {"step": progress.best_step, "valid": progress.best},  # the checkpoint of the test metrics
        "seconds": progress.seconds,
        "train_seconds": progress.train_seconds,
        "compile_seconds": progress.compile_seconds,
        "train_samples_per_second": samples / progress.train_seconds,
        "decoder_evaluations": experiment.strategy.decoder_evaluations,
        "encoder_evaluations": experiment.strategy.encoder_evaluations,
        **provenance(experiment),
        "seed": experiment.seed,
        RECORDS: checksum_of(records),
    }


def unconverged(experiment: "Experiment", records: Sequence[Mapping[str, float]]) -> list[str]:
    """A warning if the ascents in φ did not converge during the training."""
    left = newest(records).get("gain_left/train")
    if not experiment.strategy.ascends_at_visits or left is None or left <= LITTLE:
        return []
    # Either cause leaves nats to gain: the noise of few samples, however many steps there are, and too few steps.
    samples = experiment.strategy.bound.objective.num_samples
    steps = experiment.config.get("strategy", {}).get("max_steps")
    more = f"strategy.max_steps={max(10 * steps, STEPS)}" if steps is not None else "a larger max_steps"
    return [
        f"the ascents in φ did not converge in training: on average, the φ_i of a training point has {left:.2f} nat "
        f"left to gain. Use objective.num_samples={10 * samples} and {more}"
    ]


def provenance(experiment: "Experiment") -> dict[str, Any]:
    """Meaning of the metrics, data, versions and machine; known before training starts."""
    data, machine = experiment.data, experiment.machine
    device = machine.device
    return {
        "about": write(experiment.declared),
        "parameters": experiment.strategy.num_parameters(),
        "peak_memory_bytes": peak_memory_bytes(device),
        "versions": versions(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu ({platform.machine()})",
        "devices": parallel.size(),
        "threads": machine.threads,
        "matmul_backend": machine.matmul_backend,
        "data": recorded(data),
    }


def recorded(data: Dataset) -> dict[str, Any]:
    """What summary.json says about the data: name, shape, split sizes, what was done to the values, and the hash."""
    kinds = {"columns": data.columns, "covariates": data.covariates}
    columns = {name: [column._asdict() for column in own] for name, own in kinds.items()}
    return data.info()._asdict() | columns | {"sha256": data.sha256}


def versions() -> dict[str, str]:
    """The versions of vaerun, Python and the libraries."""
    return {
        "vaerun": vaerun.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "hydra": hydra.__version__,
        "omegaconf": omegaconf.__version__,
    }


def described(experiment: "Experiment") -> dict[str, str]:
    """Data, parameters and device in words, for the log."""
    data, machine = experiment.data, experiment.machine
    labels = {"labels": f"{counted(len(data.labels), 'class', 'classes')}: {first(data.labels)}"} if data.labels else {}
    given = (
        {"condition": f"the model reads {counted(len(data.given), 'number')}: {first(data.given)}"}
        if data.given
        else {}
    )
    counts = ", ".join(f"{name} {count:,}" for name, count in experiment.strategy.num_parameters().items() if count)
    sizes = f"{len(data.train):,} train, {len(data.valid):,} valid, {len(data.test):,} test"
    threads = counted(machine.threads, "thread")
    many = f"{parallel.size()} × " if parallel.size() > 1 else ""
    computing = f", {threads}, matrix products by {machine.matmul_backend}"
    return {
        "data": f"{named(data.name, data.binarize)}, {sizes} points",
        "values": data.values,
        **labels,
        **given,
        "parameters": counts,
        "device": f"{many}{machine.device}{computing if machine.device.type == 'cpu' else ''}",
    }


def named(name: str, binarize: str) -> str:
    """The name of a data set, with the kind of binarisation in brackets if there is one."""
    return name if binarize == "none" else f"{name} ({binarize})"


def first(names: Sequence[str]) -> str:
    """The first of some names, such as ``0, 1, 2, 3, 4, …``."""
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")


def environment(experiment: "Experiment") -> dict[str, str]:
    """Data, machine and versions in words: what results depend on besides the configuration."""
    data = experiment.data
    return {**described(experiment), "sha256 of the data": data.sha256, "machine": platform.node(), **versions()}


def hyperparameters(config: Mapping[str, Any]) -> dict[str, float | str | bool]:
    """Every chosen option and every value of a configuration, without nulls and without the trackers.

    A key must have the same type in every run: TensorBoard shows only some of the runs if it is text in one run and a
    number in another, as ``null`` would be.
    """
    values: dict[str, float | str | bool] = {group: str(name) for group, name in config.get("choices", {}).items()}
    for key, value in flatten(
        {name: node for name, node in config.items() if name not in ("choices", "tracking")}
    ).items():
        if value is not None and key.split(".")[-1] not in ("_target_", "_partial_"):
            values[key] = value if isinstance(value, (bool, int, float, str)) else str(value)
    return values
