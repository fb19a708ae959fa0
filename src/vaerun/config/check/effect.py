"""Finds keys that were set and have no effect with the other choices.

What is used is read from what classes declare: a part that no constructor asks for is not used; ``ignores`` names the
keys that a class does not use, and ``ignored_when`` those that it does not use at some values of another key.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from vaerun.config.catalogue import Catalogue
from vaerun.config.check.parts import parts_of
from vaerun.config.defaults import default_choices, defaults, flatten
from vaerun.config.part import Part
from vaerun.errors import counted

ASKED = {"local": "solver", "amortizer": "amortizer"}
"""Group ↦ the name of the constructor parameter with which other parts ask for it."""


def without_effect(
    config: Mapping[str, Any],
    choices: Mapping[str, Any],
    catalogue: Catalogue,
    unused: Iterable[str] = (),
    interval: int | None = None,
) -> Iterator[str]:
    """One sentence for each reason why keys that the user has set have no effect.

    Args:
        config: of the run.
        choices: the chosen option of each group.
        catalogue: all options.
        unused: keys that the data have not used, such as those of a split that their file gives.
        interval: epochs between two validations of the run; None if they are not known, because the data and the
            strategy decide them where ``trainer.validation.every`` is null.
    """
    parts = parts_of(config, choices)
    set_by_user = changed(config, choices, catalogue)
    for group in unasked(parts):
        inside = _taken(set_by_user, [key for key in set_by_user if _is_in(key, group)])
        if inside:  # only then, because the users are found by reading the source of every option
            yield from _said(
                inside, f"no part of this run uses {group}; {_few(users_of(group, catalogue))} would use it"
            )
    for part in parts.values():
        yield from _said(_taken(set_by_user, _names(part, "ignores")), f"{part} does not use it")
        for key, sibling, values in _conditions(part):
            if part.node.get(sibling) in values:
                why = f"it is not used with {part.path}.{sibling}={_text(part.node[sibling])}"
                yield from _said(_taken(set_by_user, [f"{part.path}.{key}"]), why)
    yield from _said(_taken(set_by_user, list(unused)), "the data file has its own splits")
    yield from _never(set_by_user, parts, interval)


def unasked(parts: Mapping[str, Part]) -> list[str]:
    """The groups that no constructor asks for, so that the run does not use them."""
    return [
        group
        for group, parameter in ASKED.items()
        if group in parts and not any(parameter in part.info.parameters for part in parts.values())
    ]


def users_of(group: str, catalogue: Catalogue) -> list[str]:
    """The options whose constructors ask for a group."""
    every = [option for some in catalogue.groups.values() for option in some.values()]
    return [str(option) for option in every if option.info is not None and ASKED[group] in option.info.parameters]


def changed(config: Mapping[str, Any], choices: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    """The keys and choices of a run that are not what its options and its experiment give."""
    usual = defaults(config, choices, catalogue)
    experiment = catalogue.experiments.get(str(choices.get("experiment")))
    named = flatten(experiment.content) if experiment is not None else {}
    rest = {key: value for key, value in config.items() if key != "choices"}
    keys = {
        key: value
        for key, value in flatten(rest).items()
        if "." in key and not key.rpartition(".")[2].startswith("_") and key not in named
        if key not in usual or usual[key] != value
    }
    expected = default_choices(choices, catalogue)
    return keys | {
        group: option for group, option in choices.items() if group in expected and expected[group] != option
    }


def _is_in(key: str, group: str) -> bool:
    return key == group or key.replace("/", ".").startswith(f"{group}.")


def _taken(keys: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Takes the keys ``names`` out of ``keys``, so that each is said once."""
    return {name: keys.pop(name) for name in names if name in keys}


def _names(part: Part, attribute: str) -> list[str]:
    value = part.info.attributes.get(attribute)
    return [str(name) for name in value] if isinstance(value, tuple) else []


def _conditions(part: Part) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    declared = part.info.attributes.get("ignored_when")
    for key, (sibling, values) in declared.items() if isinstance(declared, Mapping) else ():
        yield str(key), str(sibling), tuple(values)


def _never(set_by_user: Mapping[str, Any], parts: Mapping[str, Part], interval: int | None) -> Iterator[str]:
    """Periods in epochs that are longer than the training."""
    if "trainer" not in parts or "trainer/validation" not in parts:
        return
    epochs = parts["trainer"].node.get("epochs")
    if not isinstance(epochs, int):
        return
    every = parts["trainer/validation"].node.get("every") or interval or 1  # the fewest epochs, if it is not known
    for key in ("trainer.validation.every", "trainer.validation.evaluation_every"):
        if isinstance(set_by_user.get(key), int) and set_by_user[key] > epochs:
            yield from _said({key: set_by_user[key]}, f"the training has only trainer.epochs={epochs}, and its end is "
                                                      "evaluated in any case")  # fmt: skip
    images = set_by_user.get("trainer.records.images_every")
    if isinstance(images, int) and isinstance(every, int) and images * every > epochs:
        why = f"the training has at most {counted(epochs // every, 'validation')}, and its end has images in any case"
        yield from _said({"trainer.records.images_every": images}, why)


def _said(keys: Mapping[str, Any], why: str) -> Iterator[str]:
    if keys:
        words = " and ".join(f"{key}={_text(value)}" for key, value in keys.items())
        yield f"{words} {'has' if len(keys) == 1 else 'have'} no effect: {why}."


def _few(users: Sequence[str]) -> str:
    return " or ".join(users[:3]) if users else "no option"


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value).replace(" ", "") if isinstance(value, (list, tuple)) else str(value)
