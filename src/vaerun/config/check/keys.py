"""Checks keys against constructor signatures, so that a mistyped key is never ignored."""

from collections.abc import Mapping
from typing import Any

from vaerun.config.catalogue import Catalogue
from vaerun.config.check.parts import parts_of
from vaerun.config.part import Part
from vaerun.config.several import SEVERAL, home
from vaerun.config.with_slash import with_slash
from vaerun.errors import UserError, close_key, close_match

DATA = (
    "data_dim",
    "data_mean",
    "data_std",
    "data_shape",
    "given_dim",
    "given_names",
    "missing",
    "counts",
    "columns",
)
FACTS = ("latent_dim", *DATA)
"""Properties of the data and of the model."""

RUNTIME: Mapping[str, tuple[str, ...]] = {
    "model": DATA,
    "model/prior": (*FACTS, "guide"),
    "model/likelihood": FACTS,
    "model/likelihood/rate": FACTS,
    "model/decoder": (*FACTS, "input_dim", "output_dim", "output_bias"),
    "posterior": (*FACTS, "latent_layers"),
    "objective": FACTS,
    "objective/kl_weight": FACTS,
    "estimator": (*FACTS, "guide"),
    "estimator/baseline": FACTS,
    "amortizer": (*FACTS, "num_parameters", "initial"),
    "local": ("bound",),
    "strategy": ("bound", "amortizer", "solver", "optimizer", "num_points", "phi_memory"),
    "strategy/encoder_loss": ("solver",),
    "strategy/phi_init": ("solver", "amortizer", "initial"),
    "strategy/refiner": ("num_parameters", "initial"),
    "optimizer": ("parameters",),
    "optimizer/method": ("params", "lr"),
    "optimizer/schedule": ("trainer_epochs",),
    "evaluation": ("bound", "amortizer", "optimizer"),
    "tracking": ("directory", "purge_after"),
}
"""By group, constructor parameters that build.py computes from the data or from other parts."""

READ: Mapping[str, tuple[str, ...]] = {"trainer": ("epochs", "batch_size")}
"""By group, keys that vaerun reads before it builds the part, so that the default of the constructor is too late."""

INSTANTIATE = ("_target_", "_partial_")
SAVED = ("choices", "changes")  # keys that only the config.yaml of a run has


def check_keys(config: Mapping[str, Any], choices: Mapping[str, str], catalogue: Catalogue) -> None:
    """Refuses unknown keys, missing keys, and keys that only vaerun may set.

    Raises:
        UserError: it names the full key and, for a typo, the nearest key.
    """
    known = [*catalogue.nouns, *SEVERAL, *catalogue.settings]
    for key in config:
        if key not in known and key not in SAVED:
            near = close_match(str(key), known) or close_key(str(key), catalogue.written())
            raise UserError(f"{key!r} is not a key of a run.{near} The keys are {', '.join(known)}.")
    for group in catalogue.nouns:
        node = config.get(group)
        if not isinstance(node, Mapping) or "_target_" not in node:
            raise UserError(_without_class(group, node, choices, catalogue))
    for group in SEVERAL:
        _check_several(group, config.get(group, {}), catalogue)
    for part in parts_of(config, choices).values():
        _check_part(part, catalogue)
        _check_nested(part, catalogue)


def _without_class(group: str, node: Any, choices: Mapping[str, str], catalogue: Catalogue) -> str:
    """A sentence about a group that every run needs, and that has no class here."""
    chosen = catalogue.option(group, choices.get(group, ""))
    if node is not None and chosen is not None and "_target_" not in chosen.content:
        return f"{chosen} names no class: write the line '_target_: MODULE.CLASS' into {chosen.path}."
    why = "not chosen" if node is None else "not an option with a class"
    return f"{group} is {why}, but every run needs one: use {group}={' or '.join(catalogue.groups[group])}."


def _check_several(group: str, nodes: Any, catalogue: Catalogue) -> None:
    """Refuses what is no set of options, each at its own name."""
    known = catalogue.groups.get(group, {})
    options = ",".join(known)
    if not isinstance(nodes, Mapping):
        raise UserError(f"{group} takes a list of options, got {nodes!r}: use {group}=[{options}] or a part of it.")
    if "_target_" in nodes:
        named = [option for option in known.values() if option.content.get("_target_") == nodes["_target_"]]
        file, name = (named[0].path, named[0].name) if named else ("its file", "NAME")
        raise UserError(
            f"an option of {group} needs a node of its own, because a run can have several: let {file} begin with the "
            f"line '# @package {group}.{name}'."
        )
    for name, node in nodes.items():
        if not isinstance(node, Mapping) or "_target_" not in node:
            near = close_match(str(name), known)
            raise UserError(
                f"{group}.{name} is not an option of {group}.{near} Use {group}=[{options}] or a part of it."
            )


def _check_nested(part: Part, catalogue: Catalogue) -> None:
    """Refuses a plain value for a nested group: its option must be chosen with a slash instead of a dot."""
    chosen = catalogue.option(part.group, part.option)
    for key, value in part.node.items():
        group = f"{part.group}/{key}"
        if isinstance(value, Mapping) and "_target_" in value:
            continue
        node = chosen.content.get(key) if chosen is not None else None
        if isinstance(node, Mapping) and "_target_" in node:
            names = [name for name in node if name[0] != "_"] or ["_target_"]
            keys = ", ".join(f"{part.path}.{key}.{name}" for name in names)
            raise UserError(f"{part.path}.{key} must be set key by key, got {value}: the keys are {keys}.")
        if group in catalogue.groups:
            raise UserError(with_slash(f"{part.path}.{key}", value, catalogue.groups[group]))


def _check_part(part: Part, catalogue: Catalogue) -> None:
    given = [str(key) for key in part.node if key not in INSTANTIATE]
    runtime = RUNTIME.get(home(part.group), ())
    chosen = catalogue.option(part.group, part.option)
    written = {} if chosen is None else chosen.content
    open_to_user = [name for name in part.info.parameters if name not in runtime]
    for key in given:
        if key in runtime and key in part.info.parameters:
            raise UserError(
                f"{part.path}.{key} cannot be set, because vaerun derives it from the data and the other choices: "
                f"remove it."
            )
        if key not in open_to_user and not part.info.accepts_any:
            if chosen is not None and key in written and not close_match(key, open_to_user):
                raise UserError(
                    f"{chosen.path} sets {key}, but {part.info.target} takes no argument {key}: remove the line, or "
                    "let the class take it."
                )
            has = f"Its keys are {', '.join(open_to_user)}." if open_to_user else "It has no keys."
            near = close_match(key, open_to_user) or close_key(f"{part.path}.{key}", catalogue.written())
            raise UserError(f"{part.path}.{key} is not a key of {part}.{near} {has}")
    read = READ.get(part.group, ())
    needed = [name for name in open_to_user if part.info.parameters[name].required or name in read]
    missing = [name for name in needed if name not in given]
    if missing and not part.node.get("_partial_"):
        name = f"{part.path}.{missing[0]}"
        if chosen is None or missing[0] in written:
            raise UserError(f"{part} needs a value for {missing[0]}: give {name}=VALUE.")
        raise UserError(
            f"{part} needs a value for {missing[0]}, which {chosen.path} does not have: write the line "
            f"'{missing[0]}: VALUE' into it, or give +{name}=VALUE."
        )
