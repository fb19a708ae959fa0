"""The range checks of a constructor, read from its source.

It finds the unconditional calls of ``vaerun.config.ranges`` in ``__init__`` or ``__post_init__`` whose value is a
parameter and whose bounds are literals. If a parameter is passed to the constructor of a base or of another class, the
ranges of that constructor apply, too.
"""

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from vaerun.config import ranges
from vaerun.config.source_index import FOREIGN, Definition, Module, locate

CONSTRUCTORS = ("__init__", "__post_init__")
RULES = {f"{ranges.__name__}.{rule}": rule for rule in ranges.RULES}
BRANCHES = (ast.If, ast.IfExp, ast.For, ast.While, ast.Try, ast.FunctionDef, ast.Lambda, ast.ClassDef)


class Range(NamedTuple):
    """One rule for one parameter: ``apply(key, value)`` refuses the same values as the constructor."""

    parameter: str
    rule: str  # its name in vaerun.config.ranges
    bounds: tuple[float, ...]
    remedy: str = ""

    def apply(self, key: str, value: object) -> None:
        """Refuses a value that is out of range.

        Args:
            key: the full key on the command line.
            value: a number, or None.

        Raises:
            UserError: the rule, the value, the remedy.
        """
        ranges.RULES[self.rule](key, value, *self.bounds, self.remedy)


def ranges_of(module: Module, node: Definition) -> tuple[Range, ...]:
    """The ranges of a class or function, without duplicates."""
    return tuple(dict.fromkeys(_ranges(module, node, frozenset())))


def _ranges(module: Module, node: Definition, visited: frozenset[Definition]) -> Iterator[Range]:
    """``visited`` holds the classes seen so far, because constructors may call each other in a circle."""
    if isinstance(node, ast.FunctionDef) or node in visited:
        return
    visited |= {node}
    bases = [found for base in node.bases if (found := _located(module.dotted(base))) is not None]
    own = {s.name: s for s in node.body if isinstance(s, ast.FunctionDef) and s.name in CONSTRUCTORS}
    for constructor in own.values():
        for call in _calls(constructor):
            dotted = module.dotted(call.func)
            if dotted in RULES:
                yield from _read(RULES[dotted], call)
            elif ast.unparse(call.func) == f"super().{constructor.name}":
                for base in bases:
                    yield from _handed_on(call, base, visited)
            elif (found := _located(dotted)) is not None:
                yield from _handed_on(call, found, visited)
    if "__init__" not in own:
        for base in bases:
            yield from _ranges(*base, visited)


@cache
def _located(dotted: str) -> tuple[Module, Definition] | None:
    """A class by its dotted name; None if it is not a class, or belongs to Python or torch."""
    named_as_class = dotted.rpartition(".")[2][:1].isupper()
    return locate(dotted) if named_as_class and dotted.partition(".")[0] not in FOREIGN else None


def _read(rule: str, call: ast.Call) -> Iterator[Range]:
    """``at_least("trainer.epochs", epochs, 1)``"""
    keywords = {str(keyword.arg): keyword.value for keyword in call.keywords}
    try:
        given = inspect.signature(ranges.RULES[rule]).bind(*call.args, **keywords).arguments
        bounds = tuple(
            ast.literal_eval(bound) for name, bound in given.items() if name not in ("key", "value", "remedy")
        )
    except (TypeError, ValueError):
        return  # the bound is not a literal
    remedy = given.get("remedy")
    parameter = _parameter(given["value"])
    if parameter:
        yield Range(parameter, rule, bounds, str(remedy.value) if isinstance(remedy, ast.Constant) else "")


def _handed_on(call: ast.Call, to: tuple[Module, Definition], visited: frozenset[Definition]) -> Iterator[Range]:
    """For a call ``Budget(epochs=epochs)``: the ranges of Budget's ``epochs`` apply to the caller's ``epochs``."""
    handed = {keyword.arg: _parameter(keyword.value) for keyword in call.keywords}
    for one in _ranges(*to, visited):
        if handed.get(one.parameter):
            yield one._replace(parameter=handed[one.parameter])


def _parameter(value: ast.expr) -> str:
    """The parameter in ``epochs`` or, in ``__post_init__``, ``self.epochs``; otherwise empty."""
    if isinstance(value, ast.Name):
        return value.id
    own = isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name) and value.value.id == "self"
    return value.attr if own and isinstance(value, ast.Attribute) else ""


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    """The unconditional calls of a function."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, BRANCHES):
            if isinstance(child, ast.Call):
                yield child
            yield from _calls(child)
