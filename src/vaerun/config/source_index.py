"""Finds classes in source files without importing them.

A module is looked for where Python would find it, and then in the current folder, which comes onto Python's path only
when a trusted class in it is built.
"""

import ast
import os
import sys
from collections import deque
from collections.abc import Iterator
from functools import cache, cached_property
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path

from vaerun.errors import UserError
from vaerun.system.files import read

FOREIGN = frozenset(sys.stdlib_module_names) | {"torch"}  # classes of these packages declare nothing for vaerun
Definition = ast.ClassDef | ast.FunctionDef
LARGEST = 2**22  # bytes of a source file
BODIES = ("body", "handlers", "orelse", "finalbody", "cases")  # fields of a node that hold statements


class Module:
    """The top level of one source file: its definitions and imports."""

    def __init__(self, name: str, path: Path) -> None:
        self.tree = ast.parse(read(path.resolve(), most=LARGEST), str(path))
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        self.name, self.package = name, package
        self.definitions: dict[str, Definition] = {
            node.name: node for node in self.tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))
        }

    @cached_property
    def imports(self) -> dict[str, str]:
        """The full dotted names of what the file imports anywhere, by the names that it uses."""
        return {alias: dotted for node in _statements(self.tree) for alias, dotted in _imported(node, self.package)}

    def dotted(self, node: ast.expr) -> str:
        """The full dotted name of an expression such as ``a.b`` or ``a.b[c]`` in this file."""
        head, _, rest = ast.unparse(node).partition("[")[0].partition(".")
        base = self.imports.get(head) or (f"{self.name}.{head}" if head in self.definitions else head)
        return f"{base}.{rest}" if rest else base

    def value(self, node: ast.expr | None) -> object:
        """A literal, a dotted name, or a tuple of these; None for anything else."""
        if isinstance(node, (ast.Tuple, ast.List)):
            return tuple(self.value(element) for element in node.elts)
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self.dotted(node)
        try:
            return None if node is None else ast.literal_eval(node)
        except ValueError:
            return None


def module(dotted: str) -> Module | None:
    """The module of that name; None if it does not exist or has no source file that Python can read."""
    path = _file(dotted)
    return None if path is None else _read(dotted, path, os.stat(path).st_mtime_ns)  # noqa: PTH116 - asked very often


@cache
def _read(dotted: str, path: str, written: int) -> Module | None:
    """The same from its file, which was written at that time."""
    try:
        return Module(dotted, Path(path))
    except (SyntaxError, ValueError, RecursionError, MemoryError, OSError, UserError):
        return None  # a file of somebody else can hold anything; Python says what is wrong when it imports it


def damage(dotted: str) -> str:
    """What is wrong with the file of a module that Python cannot read; empty if there is no such file."""
    path = _file(dotted)
    if path is None or module(dotted) is not None:
        return ""
    try:
        Module(dotted, Path(path))
    except SyntaxError as error:
        return f"{path}, line {error.lineno}, is not Python ({error.msg})"
    except (ValueError, RecursionError, MemoryError, OSError, UserError) as error:
        return f"{path} cannot be read ({' '.join(str(error).split())})"
    return ""


def locate(target: str, visited: frozenset[str] = frozenset()) -> tuple[Module, Definition] | None:
    """The definition of the class or function with that dotted name; re-exports are followed, but not in a circle."""
    dotted, _, name = target.rpartition(".")
    home = module(dotted) if dotted else None
    if home is None:
        return None
    if name in home.definitions:
        return home, home.definitions[name]
    elsewhere = home.imports.get(name, target)
    return locate(elsewhere, visited | {target}) if elsewhere not in visited | {target} else None


def names_in(dotted: str) -> list[str]:
    """The classes and functions of a module, or the modules of a package, from source files."""
    file = _file(dotted)
    home = module(dotted)
    if file is None or home is None:
        return [] if "." in dotted else sorted(_modules(folders(dotted)))
    path = Path(file)
    beside = path.parent.iterdir() if path.name == "__init__.py" else ()
    inside = [p.stem for p in beside if p.suffix == ".py" or (p / "__init__.py").exists()]
    return sorted(name for name in [*inside, *home.definitions] if not name.startswith("_"))


def _file(dotted: str) -> str | None:
    """The file of a module, or None. Paths are text here, because a Path costs more than all the rest."""
    try:
        return _found(dotted, os.getcwd())  # noqa: PTH109
    except LookupError:
        return None


@cache
def _found(dotted: str, here: str) -> str:
    """The file of a module. Python only locates the top-level package, because importing a parent may import torch.

    Args:
        dotted: its name.
        here: the current folder, in which it may stand.

    Raises:
        LookupError: there is none. It is raised, because a result is kept, and the file may be written later.
    """
    top, *rest = dotted.split(".")
    if top in sys.builtin_module_names or not all(map(str.isidentifier, (top, *rest))):
        raise LookupError(dotted)
    spec = package(top)
    if spec is None:
        raise LookupError(dotted)
    if not rest and spec.origin and spec.origin.endswith(".py"):
        return spec.origin
    for root in (spec.submodule_search_locations or ()) if rest else ():
        stem = Path(root, *rest)
        for path in (stem.with_name(stem.name + ".py"), stem / "__init__.py"):
            if path.is_file():
                return str(path)
    raise LookupError(dotted)


def folders(top: str) -> list[Path]:
    """The folders of a top-level package, also of one without ``__init__.py``."""
    spec = package(top)
    return [Path(place) for place in (spec.submodule_search_locations or ())] if spec is not None else []


def _modules(places: list[Path]) -> Iterator[str]:
    for place in places:
        yield from (path.stem for path in place.glob("*.py") if not path.name.startswith("_"))


def package(top: str) -> ModuleSpec | None:
    """Where a top-level package is, on Python's path or in the current folder."""
    try:
        spec = find_spec(top)
    except (ValueError, ImportError):
        return None
    return spec or PathFinder.find_spec(top, [str(Path.cwd())])


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """All statements, outer ones first, as ``ast.walk`` gives them without the expressions, which are most nodes."""
    found: deque[ast.AST] = deque([tree])
    while found:
        node = found.popleft()
        yield node
        found.extend(child for name in BODIES for child in getattr(node, name, ()))


def _imported(node: ast.AST, package: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            top = alias.name.partition(".")[0]
            yield (alias.asname, alias.name) if alias.asname else (top, top)
    elif isinstance(node, ast.ImportFrom):
        parts = package.split(".")
        above = parts[: len(parts) - node.level + 1] if node.level else []
        origin = ".".join([*above, *([node.module] if node.module else [])])
        for alias in node.names:
            yield alias.asname or alias.name, f"{origin}.{alias.name}"
