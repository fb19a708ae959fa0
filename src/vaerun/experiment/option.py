"""Options that are named in Python, composed and checked as on the command line."""

from collections.abc import Mapping
from typing import Any

from vaerun.config.check import check
from vaerun.config.hydra import compose, roots


def evaluation_node(name: str, keys: Mapping[str, Any]) -> Mapping[str, Any]:
    """The node of ``evaluation=NAME evaluation.KEY=VALUE …``.

    Raises:
        UserError: the option or key does not exist, or a value is wrong.
    """
    words = [f"evaluation={name}", *(f"evaluation.{key}={written(value)}" for key, value in keys.items())]
    cfg, choices = compose(words)
    check(cfg, choices, roots())
    return cfg.evaluation


def written(value: Any) -> str:
    """A Python value as it is written on the command line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(written, value))}]"
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return str(value)
