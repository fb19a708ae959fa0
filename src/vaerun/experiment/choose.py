"""Chooses an evaluation and the parts that it compares with, such as another estimator, by the names of options."""

from collections.abc import Mapping
from typing import Any

import torch

from vaerun.config.admission import check_targets
from vaerun.config.catalogue import Catalogue
from vaerun.config.check.keys import check_keys
from vaerun.config.check.values import check_values
from vaerun.config.hydra import compose, searched
from vaerun.errors import UserError, close_match
from vaerun.evaluation.base import OWN, Evaluation, Named
from vaerun.experiment.make import kind_of, make, plain


def build_evaluation(config: Mapping[str, Any], parts: Mapping[str, Any], device: torch.device) -> Evaluation:
    """The evaluation of a configuration. Parts of other groups that its class takes are built from their option names.

    Raises:
        UserError: a value is out of range, or an option does not exist.
    """
    node = dict(config["evaluation"])
    takes: Mapping[str, str] = getattr(kind_of(node, "evaluation"), "takes", {})
    made = {
        key: choose(group, node.pop(key), config=config, parts=parts, device=device)
        for key, group in takes.items()
        if key in node
    }
    return make(node, {**parts, **made}, group="evaluation")


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
    check_targets(composed)
    check_keys(composed, choices, catalogue)
    check_values({**config, group: composed[group]}, {g: o for g, o in choices.items() if g.startswith(group)})
    return Named(words, make(composed[group], parts, group=group).to(device))


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
