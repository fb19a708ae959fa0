"""Opens a trained run from its directory."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from vaerun.config.check import check
from vaerun.config.hydra import searched
from vaerun.data.base import DataInfo, Dataset, Source
from vaerun.errors import UserError
from vaerun.evaluation.base import Evaluation, EvaluationResult
from vaerun.experiment.build import KnownData, build, build_strategy, prepare
from vaerun.experiment.directory import checkpoint_path, read_config, read_summary, relocate
from vaerun.experiment.make import make, plain
from vaerun.experiment.option import evaluation_node
from vaerun.experiment.run import Choice, Run
from vaerun.trainer import checkpoint as checkpoints


def load(directory: Path | str, *, checkpoint: str = "best", overrides: Sequence[str] = ()) -> Run:
    """A trained run at a checkpoint. Its data are read when they are first used.

    Args:
        directory: the run directory.
        checkpoint: ``best`` (by validation bound) or ``last``.
        overrides: device and location of the data: ``execution.device=cpu``, ``data.root=FOLDER``, …

    Raises:
        UserError: the directory is not a run directory, or the checkpoint does not exist or belongs to another
        configuration.
    """
    if checkpoint not in ("best", "last"):
        raise UserError(f"checkpoint must be best or last, got {checkpoint!r}.")
    directory = Path(directory)
    config = configuration(directory, [overrides] if isinstance(overrides, str) else overrides)
    state = checkpoints.load(checkpoint_path(directory, checkpoint), torch.device("cpu"))
    device = prepare(config, make(config["trainer"], {})).device

    def read_data() -> Dataset:
        return read_again(config, directory, state).to(device)

    def compute(evaluation: Choice, keys: Mapping[str, Any], data: Dataset) -> EvaluationResult:
        node = evaluation_node(evaluation, keys) if isinstance(evaluation, str) else evaluation
        chosen = {} if isinstance(node, Evaluation) else {"evaluation": plain(node)}
        experiment = build({**config, **chosen}, data=data)
        experiment.restore(directory, checkpoint)
        return experiment.evaluate(node if isinstance(node, Evaluation) else None)

    info = recorded_info(read_summary(directory))
    known = KnownData(info, *state["moments"]) if info is not None and "moments" in state else None
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


def read_again(config: Mapping[str, Any], directory: Path, state: Mapping[str, Any]) -> Dataset:
    """The data of a run that has been trained. Its keys are fixed, so the remedy for a file is the right file.

    Args:
        config: of the run.
        directory: of the run.
        state: a checkpoint.

    Raises:
        UserError: the file cannot be used, or holds other data.
    """
    source: Source = make(config["data"], {})
    path = config["data"].get("path")
    try:
        data = source.load()
        if path and data.sha256 != state.get("data"):
            raise UserError(
                f"{path} holds other data (sha256 {data.sha256[:12]}…, not {str(state.get('data'))[:12]}…)."
            )
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
    except UserError as error:
        raise UserError(f"{directory} cannot be opened by this version of vaerun: {error}") from error
    # Settings that only training uses; this machine may not support them.
    cfg.execution.precision, cfg.execution.cuda_graphs = "float32", False
    return plain(cfg)


def recorded_info(summary: Mapping[str, Any]) -> DataInfo | None:
    """What summary.json says about the data; None if it is not complete."""
    data = summary.get("data", {})
    if not set(DataInfo._fields) - DataInfo._field_defaults.keys() <= data.keys():
        return None
    return DataInfo(**{key: data[key] for key in DataInfo._fields if key in data})._replace(shape=tuple(data["shape"]))
