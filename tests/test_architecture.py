"""The rooms of src/vaerun import each other in the order of docs/architecture.md, and in no other."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
SRC = TOP / "src" / "vaerun"
PAGE = (TOP / "docs" / "architecture.md").read_text()
ROOMS = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)  # of the page's table, from the first that others may import
FACE = ("__init__", "__main__")
MACHINE = ("config", "execution", "nn", "metric")


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below ``node`` that are there when the program runs."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
            yield child
            yield from statements(child)


def imported(source: str) -> Iterator[str]:
    """The rooms that a module's text imports."""
    for node in statements(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            package, _, rest = name.partition(".")
            room = rest.partition(".")[0]
            if package == "vaerun" and room in ROOMS:
                yield room


def room_of(path: Path) -> str:
    """The room that a module stands in."""
    return path.relative_to(SRC).parts[0].removesuffix(".py")


@cache
def edges() -> dict[tuple[str, str], Path]:
    """(a room, another that it imports) ↦ a module that does."""
    modules = [path for path in sorted(SRC.rglob("*.py")) if room_of(path) not in FACE]
    return {(room_of(path), other): path for path in modules for other in imported(path.read_text())}


def test_the_reader_of_imports_sees_them_all() -> None:
    source = (
        "from typing import TYPE_CHECKING\nimport vaerun.bound.bound\nfrom vaerun import notation\n"
        "def f():\n    from vaerun.model.vae import VAE\n"
        "if TYPE_CHECKING:\n    from vaerun.trainer.trainer import Trainer\n"
    )
    assert list(imported(source)) == ["bound", "notation", "model"]


def test_the_page_names_every_room_once_and_the_top_holds_nothing_else() -> None:
    found = [path for path in SRC.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    found = [path for path in found if path.name != "conf"]  # the configurations, where they are installed
    assert sorted(path.name.removesuffix(".py") for path in found) == sorted([*ROOMS, *FACE])
    others = {path.name for path in SRC.iterdir()} - {path.name for path in found} - {"__pycache__"}
    assert others <= {"py.typed", "conf"}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_above_it(room: str) -> None:
    above = ROOMS[: ROOMS.index(room)]
    wrong = {other: path for (own, other), path in edges().items() if own == room and other not in (*above, room)}
    assert not wrong


def test_no_two_rooms_import_each_other_in_a_circle() -> None:
    graph = {room: {b for a, b in edges() if a == room and b != room} for room in ROOMS}
    while free := [room for room, others in graph.items() if not others & graph.keys()]:
        for room in free:
            del graph[room]
    assert not graph, "these rooms, or some of them, form a circle"


def test_the_machine_imports_nothing_of_the_lecture() -> None:
    outside = (*MACHINE, "errors", "notation", "system")
    assert not {(a, b) for a, b in edges() if a in MACHINE and b not in outside}


def test_a_rooms_first_line_says_what_it_is_for() -> None:
    for path in SRC.glob("*/__init__.py"):
        assert ast.get_docstring(ast.parse(path.read_text())), path


@pytest.mark.slow
def test_the_page_has_the_frames_between_shell_and_estimator() -> None:
    script = TOP / "scripts" / "frames.py"
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, timeout=120)
    listed, _, count = ran.stdout.strip().rpartition("\n\n")
    assert f"**{count}**" in PAGE, "run: python scripts/frames.py --write"
    assert listed in PAGE, "run: python scripts/frames.py --write"
