"""Builds objects from a configuration. Only this module calls Hydra's instantiate; objects receive plain values."""

import functools
import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from vaerun.amortizer.base import Amortizer
from vaerun.bound.bound import Bound
from vaerun.config.catalogue import Catalogue
from vaerun.config.check.keys import check_keys
from vaerun.config.check.pairs import check_pairs
from vaerun.config.check.parts import parts_of
from vaerun.config.check.values import check_values
from vaerun.config.class_info import ClassInfo
from vaerun.config.hydra import compose, instantiate, searched
from vaerun.config.legality import clashes
from vaerun.config.part import Part
from vaerun.data.base import DataInfo, Dataset
from vaerun.errors import UserError, close_match
from vaerun.evaluation.base import OWN, Evaluation, Named
from vaerun.execution.engine.base import Engine
from vaerun.execution.execution import Execution, Machine
from vaerun.execution.random_state import isolated
from vaerun.experiment.experiment import Experiment
from vaerun.posterior.base import Family
from vaerun.strategy.base import Strategy
from vaerun.trainer.trainer import Trainer
from vaerun.trainer.watcher import Watcher


class KnownData(NamedTuple):
    """What a checkpoint and summary.json say about the training data, to build a model without reading them."""

    info: DataInfo
    mean: Tensor  # the mean of each coordinate over the training points, Float[Tensor, "X"]
    std: float  # the pooled standard deviation of the training points


def build(config: Mapping[str, Any], *, data: Dataset | None = None, watchers: Sequence[Watcher] = ()) -> Experiment:
    """Builds the experiment of a configuration, on its device and with its seed.

    Args:
        config: the configuration.
        data: its data, if they have been read already.
        watchers: further watchers of the training.

    Raises:
        UserError: a value is out of range, a file cannot be read, or data and likelihood do not fit.
    """
    config = plain(config)
    trainer: Trainer = make(config["trainer"], {})
    machine = prepare(config, trainer)
    data = (make(config["data"], {}).load() if data is None else data).to(machine.device)
    torch.manual_seed(config["seed"])
    parts = build_parts(config, data, machine.device, machine.engine)
    strategy = make(config["strategy"], parts).to(machine.device)
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
    )


def prepare(config: Mapping[str, Any], trainer: Trainer) -> Machine:
    """Sets device, threads and engine of torch as configured."""
    execution: Execution = make(config["execution"], {})
    return execution.prepare(trainer.batch_size * config["objective"].get("num_samples", 1))


def plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration as plain values, with interpolations resolved."""
    if isinstance(config, DictConfig):
        return OmegaConf.to_container(config, resolve=True)  # type: ignore[return-value]
    return dict(config)


def build_strategy(config: Mapping[str, Any], data: Dataset | KnownData, device: torch.device) -> Strategy:
    """The strategy with all its parts."""
    return make(config["strategy"], build_parts(config, data, device)).to(device)


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
        "latent_dim": config["model"].get("latent_dim"),  # for its prior and decoder; None if the model computes it
        "num_points": info.split_sizes,
    }
    # With an encoder, q is defined for any x, also for pseudo-inputs, and a prior (VampPrior) can be built from it.
    # The prior is built before family and amortizer, so the function looks them up when it is called.
    amortized = not locate(config["strategy"]["_target_"]).per_point  # type: ignore[attr-defined]
    parts["guide"] = (lambda x: family(amortizer(x))) if amortized else None
    model = make(config["model"], parts)
    refuse_unfit_data(config, info)
    parts["latent_dim"] = model.latent_dim
    family: Family = make(config["posterior"], parts)
    parts |= {"num_parameters": family.num_parameters, "initial": family.initial().cpu()}
    amortizer: Amortizer = make(config["amortizer"], parts)
    bound = Bound(
        model=model,
        family=family,
        objective=make(config["objective"], parts),
        estimator=make(config["estimator"], parts),
        engine=engine,
    ).to(device)
    parts |= {"bound": bound, "amortizer": amortizer.to(device)}
    return parts | {"solver": make(config["local"], parts), "optimizer": make(config["optimizer"], {})}


def known_of(data: Dataset | KnownData) -> KnownData:
    """What a model needs to know about its data; a standard deviation of 0 becomes 1."""
    if isinstance(data, Dataset):
        data = KnownData(data.info(), data.mean().cpu(), data.std())
    return data._replace(std=data.std or 1.0)


def build_evaluation(config: Mapping[str, Any], parts: Mapping[str, Any], device: torch.device) -> Evaluation:
    """The evaluation of a configuration. Parts of other groups that its class takes are built from their option names.

    Raises:
        UserError: a value is out of range, or an option does not exist.
    """
    node = dict(config["evaluation"])
    takes: Mapping[str, str] = getattr(locate(node["_target_"]), "takes", {})
    made = {
        key: choose(group, node.pop(key), config=config, parts=parts, device=device)
        for key, group in takes.items()
        if key in node
    }
    return make(node, {**parts, **made})


def make(node: Mapping[str, Any], parts: Mapping[str, Any]) -> Any:
    """Builds the object of a node. Its arguments are the values, the objects of nested nodes, and ``parts`` by name."""
    children = {key: make(child, parts) for key, child in node.items() if is_node(child)}
    values = {key: value for key, value in node.items() if key not in children and key != "_partial_"}
    construct: functools.partial = instantiate(values, _partial_=True, _recursive_=False, _convert_="all")
    asked = inspect.signature(construct.func).parameters
    given = {name: parts[name] for name in asked if name in parts and name not in node}
    if node.get("_partial_"):
        return functools.partial(construct, **children, **given)
    return construct(**children, **given)


def choose(group: str, words: Any, *, config: Mapping[str, Any], parts: Mapping[str, Any], device: torch.device) -> Any:
    """Builds a part other than the run's own, such as another estimator to compare with.

    Args:
        group: of the part, such as estimator.
        words: an option, with nested options after a slash and overrides after a space ("disarm",
            "score/leave_one_out", "rebar estimator.eta=0.5"); "own" for the run's; a list of these; or None.
        config: of the run; the values must fit its other choices.
        parts: of the run.
        device: where the parts belong.

    Returns:
        None; a ``Named`` part; or a list of them.

    Raises:
        UserError: the option or key does not exist, or a value is wrong. Hydra raises its own errors, too.
    """
    if words is None:
        return None
    if isinstance(words, (list, tuple)):
        return [choose(group, entry, config=config, parts=parts, device=device) for entry in words]
    if not isinstance(words, str):
        raise UserError(f"{words} is not an option of {group}: run vaerun list {group} to see the options.")
    if words == OWN:
        return Named(OWN, getattr(parts["bound"], "family" if group == "posterior" else group))
    catalogue = Catalogue(searched())
    cfg, choices = compose(as_overrides(group, words, catalogue))
    composed = plain(cfg)
    check_keys(composed, choices, catalogue)
    check_values({**config, group: composed[group]}, {g: o for g, o in choices.items() if g.startswith(group)})
    return Named(words, make(composed[group], parts).to(device))


def as_overrides(group: str, words: str, catalogue: Catalogue) -> list[str]:
    """``words`` as overrides: "score/leave_one_out" ↦ estimator=score, estimator/baseline=leave_one_out.

    Raises:
        UserError: there is no such option.
    """
    option, *overrides = words.split() or [""]
    name, *inner = option.split("/")
    chosen = catalogue.option(group, name)
    if chosen is None:
        known = catalogue.groups[group]
        raise UserError(f"{group}={name} does not exist.{close_match(name, known)} Choose one of {', '.join(known)}.")
    for word in overrides:
        if not word.lstrip("+~").startswith((f"{group}.", f"{group}/")):
            raise UserError(f"{word} cannot be set for {group}={name} here: only its own keys, {group}.KEY=VALUE, can.")
    nested = [held.strip("/") for held in chosen.nested()]
    composed = [f"{group}={name}"]
    for part in inner:
        home = next((held for held in nested if catalogue.option(held, part)), None)
        if home is None:
            within = [f"{name}/{other}" for held in nested for other in catalogue.groups[held]]
            choices = f" Choose one of {', '.join(within)}." if within else f" {chosen} has no nested options."
            raise UserError(f"{group}={name}/{part} does not exist.{close_match(f'{name}/{part}', within)}{choices}")
        composed.append(f"{home}={part}")
    return [*composed, *overrides]


def is_node(value: Any) -> bool:
    """Whether a configuration value describes an object."""
    return isinstance(value, Mapping) and "_target_" in value


def refuse_unfit_data(config: Mapping[str, Any], data: DataInfo) -> None:
    """Refuses data outside the support of the likelihood. Only data that have been read show their support.

    Raises:
        UserError: the likelihood is defined on {0, 1} or [0, 1], and the data are not.
    """
    held = ClassInfo("", attributes={"support": data.support})
    parts = parts_of(config, config.get("choices", {}))
    parts["data"] = Part("data", data.name, held, {"binarize": data.binarize})
    if any(clashes(parts)):
        check_pairs(parts, Catalogue(searched()), fixed=("data",))


def locate(target: str) -> type:
    """The class a ``_target_`` names."""
    return instantiate({"_target_": target}, _partial_=True).func
