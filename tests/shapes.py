"""Shapes that docstrings state, as in ``Float[Tensor, "B X"] ↦ Float[Tensor, "B P"]``, enforced by jaxtyping.

Inside one ``with jaxtyped("context")`` every axis letter has one size, over all calls.
"""

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jaxtyping
import torch
from torch import Tensor

SHAPE = r'(?:Float|Int|Bool)\[Tensor, "[^"]*"\]'
KINDS = {"Float": jaxtyping.Float, "Int": jaxtyping.Int, "Bool": jaxtyping.Bool}


class Stated(NamedTuple):
    """What a method's docstring states.

    Attributes:
        by_name: the shapes of arguments that it names.
        arguments: the shapes of the other tensor arguments, in their order; empty if it does not say.
        results: the shapes of the results, in their order; a single one holds for all of them.
    """

    by_name: Mapping[str, str]
    arguments: Sequence[str]
    results: Sequence[str]


def stated(method: Any) -> Stated:
    """Reads the docstring: shapes before ↦ are those of arguments; without ↦, all are those of results."""
    head, _, tail = (inspect.getdoc(method) or "").partition("Args:")
    by_name = dict(re.findall(rf"``(\w+)`` ({SHAPE})", head) + re.findall(rf"^ +(\w+): .*?({SHAPE})", tail, re.M))
    head = re.sub(rf"``\w+`` {SHAPE}", "", head)
    before, arrow, after = head.rpartition("↦")
    arguments, results = re.findall(SHAPE, before), re.findall(SHAPE, after)
    everything = re.search(rf"\b(?:all|both) ({SHAPE})", head)
    return Stated(by_name, [everything[1]] if everything and not arrow else arguments, results)


def shaped_methods(cls: type) -> set[str]:
    """The methods that ``cls`` itself declares with shapes in their docstrings."""
    return {name for name, member in vars(cls).items() if callable(member) and any(stated(member))}


def check_methods(cls: type, thing: Any, calls: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Calls the methods of ``thing`` and checks the shapes that ``cls`` states; returns the results by method.

    Args:
        cls: a base class of ``thing``.
        thing: the object under test.
        calls: for each method that states shapes, its arguments.
    """
    assert isinstance(thing, cls)
    assert set(calls) == shaped_methods(cls), "every method with shapes in its docstring is called"
    return {name: check_call(getattr(cls, name), getattr(thing, name), *arguments) for name, arguments in calls.items()}


def check_call(declared: Any, method: Any, *arguments: Any) -> Any:
    """The result of ``method(*arguments)``; arguments and result have the shapes that ``declared`` states."""
    shapes, name = stated(declared), declared.__qualname__
    names = list(inspect.signature(declared).parameters)[1:]
    unnamed = []
    for parameter, value in zip(names, arguments, strict=False):
        if parameter in shapes.by_name:
            check(value, shapes.by_name[parameter], f"{name}: {parameter}")
        elif isinstance(value, Tensor):
            unnamed.append(value)
    check_all(unnamed, shapes.arguments, f"{name}: argument")
    result = method(*arguments)
    if result is None:
        check_all(unnamed, shapes.results, f"{name}: argument")
    else:
        check_all(list(tensors(result)), shapes.results, f"{name}: result")
    check_fields(result)
    return result


def check_all(values: Sequence[Tensor], shapes: Sequence[str], name: str) -> None:
    """Each value against its shape; a single shape holds for all."""
    if not shapes:
        return
    assert values, f"{name} has no tensor"
    for value, shape in zip(values, shapes if len(shapes) > 1 else shapes * len(values), strict=True):
        check(value, shape, name)


def check_fields(record: Any) -> None:
    """The tensors of a NamedTuple against the shapes in the comments beside its fields."""
    if not hasattr(record, "_fields"):
        return
    for name, shape in re.findall(rf"^ +(\w+): [^#\n]*#[^\n]*?({SHAPE})", inspect.getsource(type(record)), re.M):
        for value in tensors(getattr(record, name)):
            check(value, shape, f"{type(record).__name__}.{name}")


def check(value: Any, shape: str, name: str) -> None:
    """One tensor against one shape such as ``Float[Tensor, "K B"]``."""
    kind, axes = re.fullmatch(r'(\w+)\[Tensor, "([^"]*)"\]', shape).groups()  # type: ignore[union-attr]
    found = f"{value.dtype} {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
    assert isinstance(value, KINDS[kind][Tensor, axes.replace("…", "...")]), f"{name} must be {shape}, got {found}"


def fix_axes(**sizes: int) -> None:
    """Gives axes their sizes for the rest of the context: ``fix_axes(K=3, B=5)``."""
    check(torch.empty(*sizes.values()), f'Float[Tensor, "{" ".join(sizes)}"]', "axes")


def tensors(result: Any) -> Iterator[Tensor]:
    """The tensors of a result: itself, or the members of a tuple, sequence or mapping."""
    if isinstance(result, Tensor):
        yield result
    elif isinstance(result, Mapping):
        yield from (value for value in result.values() if isinstance(value, Tensor))
    elif isinstance(result, Sequence) and not isinstance(result, str):
        yield from (value for value in result if isinstance(value, Tensor))
