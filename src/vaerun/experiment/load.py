"""Opens a trained run from its directory."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from vaerun.config.admission import NotTrustedError
from vaerun.config.check import check
from vaerun.config.hydra import searched
from vaerun.config.trust import from_environment, named, trusted, trusting
from vaerun.data.base import DataInfo, Dataset, Source
from vaerun.errors import UserError
from vaerun.evaluation.base import Evaluation, EvaluationResult
from vaerun.experiment.build import KnownData, build, build_strategy, prepare
from vaerun.experiment.directory import checkpoint_path, read_config, read_summary
from vaerun.experiment.make import make, plain
from vaerun.experiment.option import evaluation_node
from vaerun.experiment.resume import relocate
from vaerun.experiment.run import FITS, Choice, Run
from vaerun.trainer import checkpoint as checkpoints


def load(
    directory: Path | str,
    *,
    checkpoint: str = "best",
    overrides: Sequence[str] = (),
    trust: str | Sequence[str] | None = None,
) -> Run:
    """A trained run at a checkpoint. Its data are read when they are first used.

    Args:
        directory: the run directory.
        checkpoint: ``best`` (by validation bound) or ``last``.
        overrides: device and location of the data: ``execution.device=cpu``, ``data.root=FOLDER``, …
        trust: the packages whose classes may be built besides vaerun's, such as ``"mylab"``; by default those of
            ``VAERUN_TRUST``.

    Raises:
        UserError: the directory is not a run directory, or the checkpoint does not exist or belongs to another
        configuration.
    """
    if checkpoint not in ("best", "last"):
        raise UserError(f"checkpoint must be best or last, got {checkpoint!r}.")
    names = trusted() if trust is None else named(trust)
    with trusting(names or from_environment()):
        return opened(Path(directory), checkpoint, overrides)


def opened(directory: Path, checkpoint: str, overrides: Sequence[str]) -> Run:
    """The run, with the packages that are trusted at present.

    Raises:
        UserError: as ``load``.
    """
    names = trusted()
    config = configuration(directory, [overrides] if isinstance(overrides, str) else overrides)
    state = checkpoints.load(checkpoint_path(directory, checkpoint), torch.device("cpu"))
    device = prepare(config, make(config["trainer"], {}, group="trainer")).device

    def read_data() -> Dataset:
        with trusting(names):
            data = read_again(config, directory, state["data"])
        return data.to(device)

    def compute(evaluation: Choice, keys: Mapping[str, Any], data: Dataset) -> EvaluationResult:
        node = evaluation_node(evaluation, keys) if isinstance(evaluation, str) else evaluation
        chosen = {} if isinstance(node, Evaluation) else {"evaluation": plain(node)}
        with trusting(names):
            experiment = build({**config, **chosen}, data=data)
        experiment.restore(directory, checkpoint)
        return experiment.evaluate(node if isinstance(node, Evaluation) else None)

    info = recorded_info(read_summary(directory))
    known = None
    if info is not None and "moments" in state and state["moments"][0].numel() == math.prod(info.shape):
        known = KnownData(info, *state["moments"])
    data = read_data() if known is None else known
    torch.manual_seed(config["seed"])
    strategy = build_strategy(config, data, device)
    checkpoints.set_tensors(state, strategy)
    return Run(
        directory,
        strategy,
        data.info() if isinstance(data, Dataset) else data.info,
        step=int(state["progress"]["step"]),
        checkpoint=checkpoint,
        read_data=read_data,
        compute=compute,
    )


def read_again(config: Mapping[str, Any], directory: Path, sha256: str | None = None) -> Dataset:
    """The data of a run that has been trained. Its keys are fixed, so the remedy for a file is the right file.

    Args:
        config: of the run.
        directory: of the run.
        sha256: of the data that it was trained with; None if that is compared later.

    Raises:
        UserError: the file cannot be used, or holds other data.
    """
    source: Source = make(config["data"], {}, group="data")
    path = config["data"].get("path")
    try:
        data = source.load()
        if path and sha256 not in (None, data.sha256):
            raise UserError(f"{path} holds other data (sha256 {data.sha256[:12]}…, not {str(sha256)[:12]}…).")
        return data
    except UserError as error:
        if not path:
            raise
        why = str(error).partition(": ")[0].rstrip(".")
        raise UserError(
            f"the data of {directory} cannot be read again, because {why}: give the file that it was trained with, "
            "data.path=FILE."
        ) from error


def configuration(directory: Path, overrides: Sequence[str]) -> dict[str, Any]:
    """The configuration of a run as plain values, for use without training.

    Raises:
        UserError: the directory is not a run directory, or its configuration is not one of this version.
    """
    cfg = read_config(directory)
    relocate(cfg, overrides)
    try:
        check(cfg, cfg.get("choices", {}), searched())
    except NotTrustedError:
        raise
    except UserError as error:
        raise UserError(f"{directory} cannot be opened by this version of vaerun: {error}") from error
    # Settings that only training uses; this machine may not support them.
    cfg.execution.precision, cfg.execution.cuda_graphs = "float32", False
    return plain(cfg)


def recorded_info(summary: Mapping[str, Any]) -> DataInfo | None:
    """What summary.json says about the data; None if it is not complete."""
    data = summary.get("data", {})
    required = set(DataInfo._fields) - DataInfo._field_defaults.keys()
    if not isinstance(data, Mapping) or not required <= data.keys():
        return None
    shape, sizes = data["shape"], data["split_sizes"]
    texts = isinstance(data["name"], str) and isinstance(data["binarize"], str) and data["support"] in FITS
    lists = isinstance(shape, list) and isinstance(sizes, Mapping)
    if not texts or not lists or not all(type(size) is int and size > 0 for size in [*shape, *sizes.values()]):
        return None
    return DataInfo(**{key: data[key] for key in DataInfo._fields if key in data})._replace(shape=tuple(shape))
