"""A trained run, opened again from its directory."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from vaerun.config.check import check
from vaerun.config.hydra import searched
from vaerun.data.base import DataFacts, Dataset
from vaerun.errors import UserError
from vaerun.evaluation.base import Evaluation, EvaluationResult
from vaerun.experiment.build import KnownData, build, build_strategy, make, plain, prepare
from vaerun.experiment.directory import checkpoint_path, read_config, read_summary, relocate
from vaerun.experiment.option import evaluation_node, refuse_keys
from vaerun.experiment.run import Choice, Run
from vaerun.trainer import checkpoint as checkpoints


def load(directory: Path | str, *, checkpoint: str = "best", overrides: Sequence[str] = ()) -> Run:
    """A trained run at a checkpoint; its data are read only when they are asked for.

    Args:
        directory: the run directory.
        checkpoint: ``best`` (by validation bound) or ``last``.
        overrides: where it computes and finds its data: ``execution.device=cpu``, ``data.root=FOLDER``, …

    Raises:
        UserError: the directory is not that of a run, or has no such checkpoint, or that belongs to another
            configuration.
    """
    if checkpoint not in ("best", "last"):
        raise UserError(f"checkpoint must be best or last, got {checkpoint!r}.")
    directory = Path(directory)
    cfg = read_config(directory)
    relocate(cfg, [overrides] if isinstance(overrides, str) else overrides)
    try:
        check(cfg, cfg.get("choices", {}), searched())
    except UserError as error:
        raise UserError(f"{directory} cannot be opened by this vaerun: {error}") from error
    # It is not trained, and what only training uses may be missing on this machine.
    cfg.execution.precision, cfg.execution.cuda_graphs = "float32", False
    config = plain(cfg)
    state = checkpoints.load(checkpoint_path(directory, checkpoint), torch.device("cpu"))
    device = prepare(config, make(config["trainer"], {})).device

    def read_data() -> Dataset:
        data: Dataset = make(config["data"], {}).load()
        return data.to(device)

    def compute(evaluation: Choice, keys: Mapping[str, Any], data: Dataset) -> EvaluationResult:
        refuse_keys(evaluation, keys)
        node = evaluation_node(evaluation, keys) if isinstance(evaluation, str) else evaluation
        chosen = {} if isinstance(node, Evaluation) else {"evaluation": plain(node)}
        experiment = build({**config, **chosen}, data=data)
        experiment.restore(directory, checkpoint)
        experiment.strategy.eval()
        return experiment.evaluate(node if isinstance(node, Evaluation) else None)

    facts = recorded_facts(read_summary(directory))
    known = KnownData(facts, *state["moments"]) if facts is not None and "moments" in state else None
    data = read_data() if known is None else known
    torch.manual_seed(config["seed"])
    strategy = build_strategy(config, data, device)
    checkpoints.set_tensors(state, strategy)
    return Run(
        directory,
        strategy,
        data.facts() if isinstance(data, Dataset) else data.facts,
        step=int(state["progress"]["step"]),
        checkpoint=checkpoint,
        read_data=read_data,
        compute=compute,
    )


def recorded_facts(summary: Mapping[str, Any]) -> DataFacts | None:
    """What a summary says of its data; None where it does not say all."""
    data = summary.get("data", {})
    if not set(DataFacts._fields) <= data.keys():
        return None
    return DataFacts(**{key: data[key] for key in DataFacts._fields})._replace(shape=tuple(data["shape"]))
