"""Options that are named in Python, composed and checked as on the command line."""

from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import DictConfig

from vaerun.config.check import check
from vaerun.config.error_message import explain
from vaerun.config.hydra import compose, roots
from vaerun.errors import UserError
from vaerun.evaluation.base import Evaluation


def evaluation_node(name: str, keys: Mapping[str, Any]) -> Mapping[str, Any]:
    """The node of ``evaluation=NAME evaluation.KEY=VALUE …``.

    Raises:
        UserError: the option or key does not exist, or a value is wrong.
    """
    words = [f"evaluation={name}", *(f"evaluation.{key}={written(value)}" for key, value in keys.items())]
    return composed(words)[0].evaluation


def composed(words: Sequence[str]) -> tuple[DictConfig, dict[str, str]]:
    """The configuration that the words of a command line say, and its choices, both checked.

    Raises:
        UserError: a word cannot be read or names nothing, or a choice cannot work.
    """
    if odd := [word for word in words if not isinstance(word, str)]:
        raise UserError(f"every word must be a text such as 'strategy=joint', got {odd[0]!r}.")
    try:
        cfg, choices = compose(words)
        check(cfg, choices, roots(), words)
    except UserError:
        raise
    except Exception as error:
        explained = explain(error, words)
        if explained is None:
            raise
        raise UserError(explained[0]) from error
    return cfg, choices


def refuse_keys(evaluation: object, keys: Mapping[str, Any]) -> None:
    """Refuses what is no evaluation, and keys for one that is made already.

    Raises:
        UserError: which.
    """
    if isinstance(evaluation, str):
        return
    if not isinstance(evaluation, Evaluation) and not (isinstance(evaluation, Mapping) and "_target_" in evaluation):
        raise UserError(
            f"an evaluation must be a name, such as 'gap' (vaerun list evaluation), or an Evaluation object, got "
            f"{evaluation!r}."
        )
    if keys:
        key = next(iter(keys))
        raise UserError(f"{key} cannot be set for an evaluation that is made already: give {key} to its constructor.")


def written(value: Any) -> str:
    """A Python value as it is written on the command line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(written, value))}]"
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return str(value)
