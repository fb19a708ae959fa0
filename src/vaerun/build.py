"""Configuration → objects: the only caller of Hydra's instantiate. Objects receive plain values, never a config."""

import functools
import inspect
from collections.abc import Mapping
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from vaerun._hydra import compose, instantiate, searched
from vaerun.amortizer.base import Amortizer
from vaerun.bound import Bound
from vaerun.built import Run
from vaerun.catalogue import Catalogue
from vaerun.check.keys import check_keys
from vaerun.check.pairs import FITS
from vaerun.check.values import check_values
from vaerun.data.base import Dataset
from vaerun.engine.base import Engine
from vaerun.errors import UserError, close_match
from vaerun.posterior.base import Family
from vaerun.strategy.base import Strategy
from vaerun.trainer.execution import choose_engine
from vaerun.trainer.machine import choose_device, choose_threads, set_deterministic
from vaerun.trainer.products import choose_products
from vaerun.trainer.seed import isolated


def build(cfg: DictConfig) -> Run:
    """Makes everything a resolved configuration names, on its device, with its seed.

    Raises:
        UserError: a value is out of range, a file is not what it should be, or data and likelihood do not fit.
    """
    config: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True)  # type: ignore[assignment]
    trainer = make(config["trainer"], {})
    device = choose_device(trainer.device)
    threads = choose_threads(trainer.threads, trainer.batch_size * config["objective"].get("num_samples", 1))
    torch.set_num_threads(threads)
    products = choose_products(trainer.products)
    set_deterministic(trainer.deterministic)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)  # a sweep's runs share the process
    engine = choose_engine(
        device, compile=trainer.compile, cuda_graphs=trainer.cuda_graphs, precision=trainer.precision
    )
    data = make(config["data"], {}).load().to(device)
    torch.manual_seed(config["seed"])
    facts = build_parts(config, data, device, engine)
    strategy = make(config["strategy"], facts).to(device)
    with isolated(config["seed"], device):  # what an evaluation draws for itself leaves the training as it is
        evaluation = make(config["evaluation"], facts)
    return Run(trainer, data, strategy, evaluation, threads, products)


def build_strategy(config: Mapping[str, Any], data: Dataset, device: torch.device) -> Strategy:
    """The strategy and all it holds."""
    return make(config["strategy"], build_parts(config, data, device)).to(device)


def build_parts(
    config: Mapping[str, Any], data: Dataset, device: torch.device, engine: Engine | None = None
) -> dict[str, Any]:
    """What a strategy or an evaluation may ask for by name, from the innermost noun outwards."""
    facts: dict[str, Any] = {
        "data_dim": data.data_dim,
        "data_mean": data.mean().cpu(),
        "data_std": data.std() or 1.0,
        "data_shape": data.shape,
        "latent_dim": config["model"].get("latent_dim"),  # for the prior and decoder within; None where the model says
        "num_points": {"train": len(data.train), "valid": len(data.valid), "test": len(data.test)},
    }
    # Only where φ is guessed from x is there a q for points nobody has seen, such as dreams of the model. A prior may
    # be made of it before there are a family and an amortizer: they are looked up when it is called.
    amortized = not locate(config["strategy"]["_target_"]).per_point  # type: ignore[attr-defined]
    facts["guide"] = (lambda x: family(amortizer(x))) if amortized else None
    model = make(config["model"], facts)
    refuse_unfit_data(config, data)
    facts["latent_dim"] = model.latent_dim
    family: Family = make(config["posterior"], facts)
    facts |= {"num_parameters": family.num_parameters, "initial": family.initial().cpu()}
    amortizer: Amortizer = make(config["amortizer"], facts)
    bound = Bound(
        model=model,
        family=family,
        objective=make(config["objective"], facts),
        estimator=make(config["estimator"], facts),
        engine=engine,
    ).to(device)
    facts |= {"bound": bound, "amortizer": amortizer.to(device)}
    facts |= {
        "solver": make(config["local"], facts).to(device),
        "optimizer": make(config["optimizer"], {}),
    }
    facts["choose"] = functools.partial(choose, config=config, facts=dict(facts), device=device)
    return facts


def make(node: Mapping[str, Any], facts: Mapping[str, Any]) -> Any:
    """The object a node describes: its nested nodes first, then those of ``facts`` its constructor asks for by name."""
    children = {key: make(child, facts) for key, child in node.items() if is_node(child)}
    plain = {key: value for key, value in node.items() if key not in children and key != "_partial_"}
    construct: functools.partial = instantiate(plain, _partial_=True, _recursive_=False, _convert_="all")
    asked = inspect.signature(construct.func).parameters
    given = {name: facts[name] for name in asked if name in facts and name not in node}
    if node.get("_partial_"):
        return functools.partial(construct, **children, **given)
    return construct(**children, **given)


def choose(group: str, words: str, *, config: Mapping[str, Any], facts: Mapping[str, Any], device: torch.device) -> Any:
    """Another object of a group than the run's own, with the facts of the run, such as an estimator to compare with.

    Args:
        group: such as estimator.
        words: an option of it, after slashes those of the groups inside it, and further words as on the command line:
            "disarm", "score/leave_one_out", "rebar estimator.eta=0.5".
        config: of the run, whose other choices the values have to fit.
        facts: what is known of the run.
        device: where the object belongs.

    Raises:
        UserError: there is no such option, key or value; Hydra's own for what it cannot read.
    """
    catalogue = Catalogue(searched())
    cfg, choices = compose(as_overrides(group, words, catalogue))
    composed: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True)  # type: ignore[assignment]
    check_keys(composed, choices, catalogue)
    check_values({**config, group: composed[group]}, {g: o for g, o in choices.items() if g.startswith(group)})
    return make(composed[group], facts).to(device)


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


def refuse_unfit_data(config: Mapping[str, Any], data: Dataset) -> None:
    """Refuses data outside the likelihood's support.

    Raises:
        UserError: the likelihood is defined on {0, 1} or [0, 1], and the data are not.
    """
    described = config["model"].get("likelihood", config["model"])
    support = inspect.getattr_static(locate(described["_target_"]), "data_support")
    if data.support in FITS[support]:
        return
    values = {"binary": "{0, 1}", "unit": "[0, 1]"}[support]
    remedy = "model/likelihood=gaussian"
    if data.support == "unit":
        remedy = (
            "data.binarize=static, model/likelihood=continuous_bernoulli, discretized_logistic or gaussian, or "
            "model/likelihood=cross_entropy (which is no bound)"
        )
    raise UserError(
        f"{described['_target_'].rsplit('.', 1)[-1]} is a distribution over {values}, but data={data.name} with "
        f"binarize={data.binarize} has other values: use {remedy}."
    )


def locate(target: str) -> type:
    """The class a ``_target_`` names."""
    return instantiate({"_target_": target}, _partial_=True).func
