"""Checks values against the annotations and ranges of constructors, and against each other."""

import ast
import math
from collections.abc import Iterator, Mapping
from typing import Any

from vaerun.config.check.parts import Part, parts_of
from vaerun.errors import UserError, close_match

WORDS: Mapping[str, str] = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "None": "null",
}
LARGEST = 2**63
HINTS = {"data.condition": " y stands for the labels of the points; data.label says where those of a file are."}
SHOWN = 200  # characters of a value in a sentence
LISTS = ("Sequence", "list", "tuple", "List", "Tuple", "Iterable", "Collection")


def check_values(config: Mapping[str, Any], choices: Mapping[str, str]) -> None:
    """Refuses values that have the wrong type, are out of range, or contradict each other.

    Raises:
        UserError: it names the full key and the value.
    """
    seed = config.get("seed")
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**63:
        raise UserError(f"seed must be a whole number from 0 to 2^63 − 1, got {_written(seed)}.")
    parts = parts_of(config, choices)
    for part in parts.values():
        check_types(part)
    for part in parts.values():
        check_ranges(part)
    for part in parts.values():
        _check_samples(part, parts["objective"])
        _check_warm_up(part, parts["trainer"])


def check_types(part: Part) -> None:
    """Refuses a value of another type than its parameter's.

    Raises:
        UserError: naming the full key and the value.
    """
    for key, parameter in part.info.parameters.items():
        if key in part.node and parameter.annotation:
            _check_type(f"{part.path}.{key}", part.node[key], parameter.annotation)


def check_ranges(part: Part) -> None:
    """Refuses a number that is out of its parameter's range.

    Raises:
        UserError: naming the full key and the value.
    """
    for rule in part.info.ranges:
        value = part.node.get(rule.parameter)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            rule.apply(f"{part.path}.{rule.parameter}", value)


def _check_samples(part: Part, objective: Part) -> None:
    """Refuses a K that is smaller than a part needs, such as a leave-one-out baseline."""
    least, k = part.info.attributes.get("min_samples"), objective.node.get("num_samples")
    if isinstance(least, int) and isinstance(k, int) and k < least:
        raise UserError(
            f"objective.num_samples must be at least {least} with {part}, got {k}: "
            f"use objective.num_samples={least}, or another {part.group}."
        )


def _check_warm_up(part: Part, trainer: Part) -> None:
    """Refuses a schedule that would not end before the run does, so that its final value is never used."""
    length, epochs = part.node.get("epochs"), trainer.node.get("epochs")
    if part is not trainer and isinstance(length, (int, float)) and isinstance(epochs, int) and length > epochs:
        raise UserError(
            f"{part.path}.epochs must be at most trainer.epochs={epochs}, got {_written(length)}, because the end of "
            f"the schedule would never be reached: use {part.path}.epochs={epochs} or less, or a longer run."
        )


def _check_type(key: str, value: object, annotation: str) -> None:
    expected = _parsed(annotation)
    if isinstance(value, int) and abs(value) >= LARGEST:
        raise UserError(f"{key} must be below 2^63, got {value}.")
    named = isinstance(value, float) and math.isnan(value) and "nan" in _words(expected)
    if not named and not all(math.isfinite(number) for number in _numbers(value)):
        raise UserError(f"{key} must be finite, got {_written(value)}.")
    if expected is None or _fits(value, expected):
        return
    words = _literals(expected)
    near = close_match(str(value), words) or HINTS.get(key, "")
    raise UserError(f"{key} must be {_described(expected)}, got {_written(value)}.{near}")


def _numbers(value: object) -> Iterator[float]:
    """The numbers in a value, which may be a list of lists."""
    if isinstance(value, float):
        yield value
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _numbers(item)


def _parsed(annotation: str) -> ast.expr | None:
    """The annotation as a tree; None if it does not describe a plain value."""
    tree = ast.parse(annotation, mode="eval").body
    if isinstance(tree, ast.Constant) and isinstance(tree.value, str):
        return _parsed(tree.value)
    return tree if _understood(tree) else None


def _understood(tree: ast.expr) -> bool:
    if isinstance(tree, ast.BinOp):
        return _understood(tree.left) and _understood(tree.right)
    if isinstance(tree, ast.Subscript):
        element = tree.slice.elts[0] if isinstance(tree.slice, ast.Tuple) and tree.slice.elts else tree.slice
        return _name(tree) == "Literal" or (_name(tree) in LISTS and _understood(element))
    return _name(tree) in WORDS


def _fits(value: object, tree: ast.expr | None) -> bool:
    if isinstance(tree, ast.BinOp):
        return _fits(value, tree.left) or _fits(value, tree.right)
    if isinstance(tree, ast.Subscript) and _name(tree) in LISTS:
        element = tree.slice.elts[0] if isinstance(tree.slice, ast.Tuple) else tree.slice
        return isinstance(value, (list, tuple)) and all(_fits(item, element) for item in value)
    if isinstance(tree, ast.Subscript):
        return value in _literals(tree)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    kinds = {
        "int": isinstance(value, int) and number,
        "float": number,
        "bool": isinstance(value, bool),
        "str": isinstance(value, str),
        "None": value is None,
    }
    return tree is None or kinds[_name(tree)]


def _described(tree: ast.expr) -> str:
    if isinstance(tree, ast.BinOp):
        return f"{_described(tree.left)} or {_described(tree.right)}"
    if isinstance(tree, ast.Subscript) and _name(tree) in LISTS:
        element = tree.slice.elts[0] if isinstance(tree.slice, ast.Tuple) else tree.slice
        return f"a list, each item {_described(element)}"
    return " or ".join(map(str, _literals(tree))) or WORDS[_name(tree)]


def _words(tree: ast.expr | None) -> list[Any]:
    """All literals of an annotation, also those that are one of several types."""
    if isinstance(tree, ast.BinOp):
        return [*_words(tree.left), *_words(tree.right)]
    return [] if tree is None else _literals(tree)


def _literals(tree: ast.expr) -> list[Any]:
    if not isinstance(tree, ast.Subscript) or _name(tree) != "Literal":
        return []
    values = tree.slice.elts if isinstance(tree.slice, ast.Tuple) else [tree.slice]
    return [ast.literal_eval(value) for value in values]


def _name(tree: ast.expr) -> str:
    return ast.unparse(tree.value if isinstance(tree, ast.Subscript) else tree).rpartition(".")[2]


def _written(value: object) -> str:
    """A value as on the command line."""
    words: dict[object, str] = {None: "null", True: "true", False: "false"}
    text = words[value] if value is None or isinstance(value, bool) else str(value) or "''"
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
