"""Opens a trained run from its directory."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import torch

from vaerun.config.admission import AbsentCodeError, NotTrustedError
from vaerun.config.check import check
from vaerun.config.hydra import searched
from vaerun.config.trust import from_environment, named, trusted, trusting
from vaerun.data.base import DataInfo, Dataset, Source
from vaerun.errors import UserError
from vaerun.evaluation.base import Evaluation, EvaluationResult, evaluated
from vaerun.execution.caller import random_numbers_kept, settings_kept
from vaerun.experiment.build import KnownData, build, build_parts, prepare
from vaerun.experiment.choose import build_evaluation
from vaerun.experiment.directory import read_config, read_summary
from vaerun.experiment.make import make, plain
from vaerun.experiment.new_data import read_new
from vaerun.experiment.new_path import is_path, path_in
from vaerun.experiment.option import evaluation_node
from vaerun.experiment.resume import relocate
from vaerun.experiment.run import Choice, Run
from vaerun.experiment.trained import trained
from vaerun.experiment.values import FITS
from vaerun.notation import Column, Kind
from vaerun.strategy.base import Strategy
from vaerun.system.given_folder import given_folder
from vaerun.trainer import checkpoint as checkpoints
from vaerun.trainer.checkpoint_name import is_checkpoint_name


def load(
    directory: Path | str,
    *,
    checkpoint: str = "best",
    overrides: Sequence[str] = (),
    trust: str | Sequence[str] | None = None,
) -> Run:
    """A trained run at a checkpoint. Its data are read when they are first used; settings of torch stay as they are.

    Args:
        directory: the run directory.
        checkpoint: ``best`` (by validation bound), ``last``, or ``epoch_N`` of ``trainer.checkpoints.every``.
        overrides: device and location of the data: ``execution.device=cpu``, ``data.root=FOLDER``, … With
            ``data.path=FILE``, ``run.data`` are the data of the training at another place; ``run.read(FILE)`` reads
            points that the run was not trained with.
        trust: the packages whose classes may be built besides vaerun's, such as ``"mylab"``; by default those of
            ``VAERUN_TRUST``.

    Raises:
        UserError: the directory is not a run directory, or the checkpoint does not exist or belongs to another
            configuration.
    """
    with settings_kept(), random_numbers_kept():
        return open_run(directory, checkpoint=checkpoint, overrides=overrides, trust=trust)


def open_run(
    directory: Path | str,
    *,
    checkpoint: str = "best",
    overrides: Sequence[str] = (),
    trust: str | Sequence[str] | None = None,
) -> Run:
    """As ``load``, for the commands of vaerun: their process keeps the settings and the random numbers of the run."""
    if not is_checkpoint_name(checkpoint):
        raise UserError(f"checkpoint must be best, last or epoch_N, got {checkpoint!r}.")
    names = trusted() if trust is None else named(trust)
    with trusting(names or from_environment()):
        return opened(given_folder("directory", directory), checkpoint, overrides)


def opened(directory: Path, checkpoint: str, overrides: Sequence[str]) -> Run:
    """The run, with the packages that are trusted at present.

    Raises:
        UserError: as ``load``.
    """
    names, place = trusted(), directory.absolute()  # the current folder may change
    words = [overrides] if isinstance(overrides, str) else list(overrides)
    without = not has_path(directory)  # such as digits: a file can only hold new points
    elsewhere = without and path_in(words) is not None
    config = configuration(directory, [word for word in words if not (without and is_path(word))])
    state = trained(directory, checkpoint, torch.device("cpu"))
    machine = prepare(config, make(config["trainer"], {}, group="trainer"))
    device = machine.device

    def read_data() -> Dataset:
        if elsewhere:
            raise UserError(f"the data of {directory} are not read from a file of your own: leave data.path out.")
        with trusting(names):
            data = read_again(config, place, state["data"])
        return data.to(device)

    def compute(evaluation: Choice, keys: Mapping[str, Any], data: Dataset) -> EvaluationResult:
        node = evaluation_node(evaluation, keys) if isinstance(evaluation, str) else evaluation
        chosen = {} if isinstance(node, Evaluation) else {"evaluation": plain(node)}
        if data.new is not None:
            with trusting(names):
                made = node if isinstance(node, Evaluation) else build_evaluation({**config, **chosen}, parts, device)
            return evaluated(made, strategy, data, config["seed"])
        with trusting(names):
            experiment = build({**config, **chosen}, data=data)
        experiment.restore(place, checkpoint)
        return experiment.evaluate(node if isinstance(node, Evaluation) else None)

    info = recorded_info(read_summary(directory))
    known = None
    if info is not None and "moments" in state and state["moments"][0].numel() == math.prod(info.shape):
        known = KnownData(info, *state["moments"])
    data = read_data() if known is None else known
    torch.manual_seed(config["seed"])
    parts = build_parts(config, data, device)
    strategy: Strategy = make(config["strategy"], parts, group="strategy").to(device)
    checkpoints.set_tensors(state, strategy)
    training_data = data.info() if isinstance(data, Dataset) else data.info

    def read(path: Path | str) -> Dataset:
        with trusting(names):
            return read_new(config, training_data, path).to(device)

    return Run(
        directory,
        strategy,
        training_data,
        step=int(state["progress"]["step"]),
        checkpoint=checkpoint,
        read_data=read_data,
        read_new=read,
        compute=compute,
        machine=machine,
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


def has_path(directory: Path) -> bool:
    """Whether the data of a run are in a file that ``data.path`` names.

    Raises:
        UserError: the directory is not a run directory.
    """
    data = read_config(directory).get("data")
    return isinstance(data, Mapping) and "path" in data


def configuration(directory: Path, overrides: Sequence[str]) -> dict[str, Any]:
    """The configuration of a run as plain values, for use without training.

    Raises:
        UserError: the directory is not a run directory, or its configuration is not one of this version.
    """
    cfg = read_config(directory)
    relocate(cfg, overrides)
    cfg.pop("tracking", None)  # without training there are no records
    try:
        check(cfg, cfg.get("choices", {}), searched())
    except NotTrustedError:
        raise
    except AbsentCodeError as error:
        raise UserError(f"{directory} was trained with code of your own: {error}") from error
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
    known = DataInfo(**{key: data[key] for key in DataInfo._fields if key in data})
    named = all(isinstance(names, (list, tuple)) and all(map(is_text, names)) for names in (known.given, known.labels))
    columns, covariates = recorded_columns(known.columns), recorded_columns(known.covariates)
    if columns is None or covariates is None or len(columns) not in (0, math.prod(shape)):
        return None
    if not named or not isinstance(known.missing, bool):
        return None
    treatment = known.treatment if isinstance(known.treatment, Mapping) else {}
    return known._replace(
        shape=tuple(shape),
        given=tuple(known.given),
        labels=tuple(known.labels),
        columns=columns,
        treatment=treatment,
        covariates=covariates,
    )


def recorded_columns(columns: Any) -> tuple[Column, ...] | None:
    """The columns that summary.json holds; None if they are not complete."""
    if not isinstance(columns, (list, tuple)):
        return None
    read = []
    for each in columns:
        if not isinstance(each, Mapping) or each.keys() != set(Column._fields):
            return None
        read.append(Column._make(tuple(v) if isinstance(v, list) else v for v in map(each.get, Column._fields)))
    return tuple(read) if all(map(is_column, read)) else None


def is_column(column: Column) -> bool:
    """Whether all parts of a column have their types, and its numbers are finite."""
    if not all(type(value) is type(usual) for value, usual in zip(column, Column(""), strict=True)):
        return False
    numbers = (column.mean, column.std, column.width, column.low, column.high, *column.shares)
    finite = all(type(value) is float and math.isfinite(value) for value in numbers)
    return finite and column.std > 0 and column.kind in get_args(Kind) and all(map(is_text, column.categories))


def is_text(value: Any) -> bool:
    """Whether it is a text."""
    return isinstance(value, str)
