"""The remedy for a dot in the place of a slash: ``objective.kl_weight=linear`` for ``objective/kl_weight=linear``."""

from collections.abc import Iterable

from vaerun.config.several import SEVERAL


def with_slash(key: str, value: object, options: Iterable[str]) -> str:
    """A sentence about a plain value for the node of a group, with the word that chooses the option.

    Args:
        key: of the node, such as ``objective.kl_weight``.
        value: what the user has given.
        options: of the group ``objective/kl_weight``.
    """
    known = list(options)
    text = "null" if value is None else str(value)
    names = [name.strip(" '\"") for name in text.strip("[]").split(",")]
    option = ",".join(names) if set(names) <= set(known) else "OPTION"
    group = key.replace(".", "/")
    return (
        f"{key}={text} sets a value for a nested group: write {group}={option}, with a slash; "
        f"the options are {', '.join(known)}."
    )


def group_of(key: str, groups: Iterable[str]) -> str:
    """The group whose node has this key, as ``objective/kl_weight`` of ``objective.kl_weight``; empty if none has."""
    group = key.replace(".", "/")
    return group if "." in key and group in groups and group.split("/")[0] not in SEVERAL else ""
