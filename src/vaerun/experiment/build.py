"""Configuration → objects: the only caller of Hydra's instantiate. Objects receive plain values, never a config."""

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
from vaerun.data.base import DataFacts, Dataset
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
    """What a checkpoint and a summary know of data that are not at hand."""

    facts: DataFacts
    mean: Tensor  # of each coordinate of the training points, Float[Tensor, "X"]
    std: float  # their spread


def build(config: Mapping[str, Any], *, data: Dataset | None = None, watchers: Sequence[Watcher] = ()) -> Experiment:
    """Makes everything a resolved configuration names, on its device, with its seed.

    Args:
        config: the configuration.
        data: its data, where they have been read already.
        watchers: of the training, besides those that every run has.

    Raises:
        UserError: a value is out of range, a file is not what it should be, or data and likelihood do not fit.
    """
    config = plain(config)
    trainer: Trainer = make(config["trainer"], {})
    machine = prepare(config, trainer)
    data = (make(config["data"], {}).load() if data is None else data).to(machine.device)
    torch.manual_seed(config["seed"])
    parts = build_parts(config, data, machine.device, machine.engine)
    strategy = make(config["strategy"], parts).to(machine.device)
    with isolated(config["seed"], machine.device):  # what an evaluation draws for itself leaves training as it is
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
    """Sets torch up as the configuration says."""
    execution: Execution = make(config["execution"], {})
    return execution.prepare(trainer.batch_size * config["objective"].get("num_samples", 1))


def plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration as plain values, its interpolations resolved."""
    if isinstance(config, DictConfig):
        return OmegaConf.to_container(config, resolve=True)  # type: ignore[return-value]
    return dict(config)


def build_strategy(config: Mapping[str, Any], data: Dataset | KnownData, device: torch.device) -> Strategy:
    """The strategy and all it holds."""
    return make(config["strategy"], build_parts(config, data, device)).to(device)


def build_parts(
    config: Mapping[str, Any], data: Dataset | KnownData, device: torch.device, engine: Engine | None = None
) -> dict[str, Any]:
    """What a strategy or an evaluation may ask for by name, from the innermost noun outwards.

    Args:
        config: plain values.
        data: the data, or what is known of them.
        device: where the parts belong.
        engine: executes the programs of training.
    """
    facts, mean, std = known_of(data)
    X = math.prod(facts.shape)
    parts: dict[str, Any] = {
        "data_dim": X,
        "data_mean": mean,
        "data_std": std,
        "data_shape": facts.shape,
        "latent_dim": config["model"].get("latent_dim"),  # for the prior and decoder within; None where the model says
        "num_points": facts.split_sizes,
    }
    # Only where φ is guessed from x is there a q for points nobody has seen, such as draws from the model. A prior may
    # be made of it before there are a family and an amortizer: they are looked up when it is called.
    amortized = not locate(config["strategy"]["_target_"]).per_point  # type: ignore[attr-defined]
    parts["guide"] = (lambda x: family(amortizer(x))) if amortized else None
    model = make(config["model"], parts)
    refuse_unfit_data(config, facts)
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
    """What a model is told of its data."""
    if isinstance(data, Dataset):
        data = KnownData(data.facts(), data.mean().cpu(), data.std())
    return data._replace(std=data.std or 1.0)


def build_evaluation(config: Mapping[str, Any], parts: Mapping[str, Any], device: torch.device) -> Evaluation:
    """The evaluation of a configuration; where its class takes parts of other groups, they are made from their words.

    Raises:
        UserError: a value is out of range, or a word names no option.
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
    """The object a node describes: its nested nodes first, then those of ``parts`` its constructor asks for by name."""
    children = {key: make(child, parts) for key, child in node.items() if is_node(child)}
    values = {key: value for key, value in node.items() if key not in children and key != "_partial_"}
    construct: functools.partial = instantiate(values, _partial_=True, _recursive_=False, _convert_="all")
    asked = inspect.signature(construct.func).parameters
    given = {name: parts[name] for name in asked if name in parts and name not in node}
    if node.get("_partial_"):
        return functools.partial(construct, **children, **given)
    return construct(**children, **given)


def choose(group: str, words: Any, *, config: Mapping[str, Any], parts: Mapping[str, Any], device: torch.device) -> Any:
    """Other parts of a group than the run's own, such as an estimator to compare with.

    Args:
        group: such as estimator.
        words: None; an option with, after slashes, those of the groups inside it, and further words as on the command
            line ("disarm", "score/leave_one_out", "rebar estimator.eta=0.5"); "own" for the run's; or a list of these.
        config: of the run, whose other choices the values have to fit.
        parts: what the run has.
        device: where the parts belong.

    Returns:
        None; a ``Named`` part; or a list of them.

    Raises:
        UserError: there is no such option, key or value; Hydra's own for what it cannot read.
    """
    if words is None:
        return None
    if isinstance(words, (list, tuple)):
        return [choose(group, entry, config=config, parts=parts, device=device) for entry in words]
    if not isinstance(words, str):
        raise UserError(f"{words} is no option of {group}: run vaerun list {group} to see them.")
    if words == OWN:
        return Named(OWN, getattr(parts["bound"], "family" if group == "posterior" else group))
    catalogue = Catalogue(searched())
    cfg, choices = compose(as_overrides(group, words, catalogue))
    composed = plain(cfg)
    check_keys(composed, choices, catalogue)
    check_values({**config, group: composed[group]}, {g: o for g, o in choices.items() if g.startswith(group)})
    return Named(words, make(composed[group], parts).to(device))


def as_overrides(group: str, words: str, catalogue: Catalogue) -> list[str]:
    """``words`` as on the command line: "score/leave_one_out" ↦ estimator=score, estimator/baseline=leave_one_out.

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
            choices = f" Choose one of {', '.join(within)}." if within else f" {chosen} has no choices inside it."
            raise UserError(f"{group}={name}/{part} does not exist.{close_match(f'{name}/{part}', within)}{choices}")
        composed.append(f"{home}={part}")
    return [*composed, *overrides]


def is_node(value: Any) -> bool:
    """Whether a configuration value describes an object."""
    return isinstance(value, Mapping) and "_target_" in value


def refuse_unfit_data(config: Mapping[str, Any], data: DataFacts) -> None:
    """Refuses data outside the likelihood's support, which is known for certain when they have been read.

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
