"""Builds the experiment of a configuration, part by part in the order of dependence."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vaerun.amortizer.base import Amortizer
from vaerun.bound.bound import Bound
from vaerun.config.catalogue import Catalogue
from vaerun.config.check.effect import without_effect
from vaerun.config.hydra import searched
from vaerun.data.base import DataInfo, Dataset, Source
from vaerun.execution.engine.base import Engine
from vaerun.execution.execution import Execution, Machine
from vaerun.execution.random_state import isolated
from vaerun.experiment.choose import build_evaluation
from vaerun.experiment.experiment import Experiment
from vaerun.experiment.fitting import refuse_unfit_data
from vaerun.experiment.make import kind_of, make, plain
from vaerun.posterior.base import Family
from vaerun.strategy.base import Strategy
from vaerun.tracking.base import Tracker
from vaerun.trainer.trainer import Trainer
from vaerun.trainer.watcher import Watcher


class KnownData(NamedTuple):
    """What a checkpoint and summary.json say about the training data, to build a model without reading them."""

    info: DataInfo
    mean: Tensor  # the mean of each coordinate over the training points, Float[Tensor, "X"]
    std: float  # the pooled standard deviation of the training points


def build(
    config: Mapping[str, Any],
    *,
    data: Dataset | None = None,
    watchers: Sequence[Watcher] = (),
    trackers: Sequence[Tracker] = (),
) -> Experiment:
    """Builds the experiment of a configuration, on its device and with its seed.

    Args:
        config: the configuration.
        data: its data, if they have been read already.
        watchers: further watchers of the training.
        trackers: further trackers of its records.

    Raises:
        UserError: a value is out of range, a file cannot be read, or data and likelihood do not fit.
    """
    config = plain(config)
    trainer: Trainer = make(config["trainer"], {}, group="trainer")
    machine = prepare(config, trainer)
    remarks: list[str] = []
    read_now = data is None
    unused: Sequence[str] = ()
    if data is None:
        source = make(config["data"], {}, group="data")
        data = source.load()
        unused = source.unused() if isinstance(source, Source) else ()
    data = data.to(machine.device)
    torch.manual_seed(config["seed"])
    parts = build_parts(config, data, machine.device, machine.engine)
    strategy = make(config["strategy"], parts, group="strategy").to(machine.device)
    if read_now:
        every = trainer.validation.interval(strategy, max(1, len(data.train) // trainer.batch_size))
        remarks += without_effect(config, config.get("choices", {}), Catalogue(searched()), unused, every)
    with isolated(config["seed"], machine.device):  # the random numbers of training stay the same with any evaluation
        evaluation = build_evaluation(config, parts, machine.device)
    return Experiment(
        data=data,
        strategy=strategy,
        trainer=trainer,
        evaluation=evaluation,
        seed=config["seed"],
        machine=machine,
        config=config,
        watchers=tuple(watchers),
        trackers=trackers,
        remarks=remarks,
    )


def prepare(config: Mapping[str, Any], trainer: Trainer) -> Machine:
    """Sets device, threads and engine of torch as configured."""
    execution: Execution = make(config["execution"], {}, group="execution")
    return execution.prepare(trainer.batch_size * config["objective"].get("num_samples", 1))


def build_strategy(config: Mapping[str, Any], data: Dataset | KnownData, device: torch.device) -> Strategy:
    """The strategy with all its parts."""
    return make(config["strategy"], build_parts(config, data, device), group="strategy").to(device)


def build_parts(
    config: Mapping[str, Any], data: Dataset | KnownData, device: torch.device, engine: Engine | None = None
) -> dict[str, Any]:
    """The objects and values that a constructor can ask for by parameter name, built in order of dependence.

    Args:
        config: plain values.
        data: the data, or what is known about them.
        device: where the parts belong.
        engine: executes the training step.
    """
    info, mean, std = known_of(data)
    X = math.prod(info.shape)
    parts: dict[str, Any] = {
        "data_dim": X,
        "data_mean": mean,
        "data_std": std,
        "data_shape": info.shape,
        "given_dim": len(info.given),
        "given_names": info.given,
        "missing": info.missing,
        "counts": info.support == "count",
        "columns": info.columns,
        "latent_dim": config["model"].get("latent_dim"),  # for its prior and decoder; None if the model computes it
        "num_points": info.split_sizes,
        "phi_memory": config["execution"].get("phi_memory", "auto"),  # which runs of earlier versions do not have
    }
    # With an encoder, q is defined for any x, also for pseudo-inputs, and a prior (VampPrior) can be built from it.
    # The prior is built before family and amortizer, so the function looks them up when it is called.
    amortized = not kind_of(config["strategy"], "strategy").per_point  # type: ignore[attr-defined]
    parts["guide"] = (lambda x: family(amortizer(x))) if amortized else None
    model = make(config["model"], parts, group="model")
    refuse_unfit_data(config, info)
    parts |= {"latent_dim": model.latent_dim, "latent_layers": model.latent_layers}
    family: Family = make(config["posterior"], parts, group="posterior")
    parts |= {"num_parameters": family.num_parameters, "initial": family.initial().cpu()}
    amortizer: Amortizer = make(config["amortizer"], parts, group="amortizer")
    bound = Bound(
        model=model,
        family=family,
        objective=make(config["objective"], parts, group="objective"),
        estimator=make(config["estimator"], parts, group="estimator"),
        engine=engine,
    ).to(device)
    parts |= {"bound": bound, "amortizer": amortizer.to(device)}
    return parts | {
        "solver": make(config["local"], parts, group="local"),
        "optimizer": make(config["optimizer"], {"trainer_epochs": config["trainer"]["epochs"]}, group="optimizer"),
    }


def known_of(data: Dataset | KnownData) -> KnownData:
    """What a model needs to know about its data; a standard deviation of 0 becomes 1."""
    if isinstance(data, Dataset):
        data = KnownData(data.info(), data.mean().cpu(), data.std())
    return data._replace(std=data.std or 1.0)
