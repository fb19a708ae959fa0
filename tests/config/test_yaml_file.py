"""The cost of a YAML file is known before it is read."""

import io
import itertools
from pathlib import Path

import pytest
import yaml

from vaerun.config.yaml_file import DEPTH, NODES, excess, load, load_plain, refuse_references
from vaerun.errors import UserError
from vaerun.system.files import UnsafeFileError


def counted(value: object) -> int:
    """Keys and values of a plain nest."""
    if isinstance(value, dict):
        return 1 + sum(1 + counted(child) for child in value.values())
    return 1 + sum(map(counted, value)) if isinstance(value, list) else 1


def bomb(width: int, length: int) -> str:
    """An alias of ``width`` aliases of … : width^length values."""
    names = [f"n{i}" for i in range(length)]
    lines = [f"n0: &n0 [{','.join('x' * width)}]"]
    return "\n".join([*lines, *(f"{b}: &{b} [{','.join([f'*{a}'] * width)}]" for a, b in itertools.pairwise(names))])


@pytest.mark.parametrize(("width", "length"), [(2, 3), (9, 4), (9, 5), (3, 7), (3, 8), (90, 2), (99, 2), (100, 2)])
def test_aliases_are_counted_each_time(width: int, length: int) -> None:
    text = bomb(width, length)
    assert bool(excess(io.StringIO(text))) == (counted(yaml.safe_load(text)) > NODES)


def test_the_limits_are_exact() -> None:
    for depth, refused in ((DEPTH - 1, False), (DEPTH, True)):
        assert bool(excess(io.StringIO("[" * depth + "]" * depth))) == refused
    for count, refused in ((NODES - 1, False), (NODES, True)):
        assert bool(excess(io.StringIO(f"[{','.join('1' * count)}]"))) == refused


def test_nine_to_the_ninth_values_take_no_time(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(bomb(9, 9))
    for read in (load, load_plain):
        with pytest.raises(UnsafeFileError, match="has more than 10,000 values"):
            read(path)


def test_an_anchor_that_is_used_again_counts_as_it_is_then() -> None:
    assert excess(io.StringIO("a: &x [1]\nb: *x\nc: &x [*x]\n")).startswith("has an alias")
    assert not excess(io.StringIO("a: &x [1]\nb: *x\nc: &x [2, 3]\nd: *x\n"))


def test_a_reference_is_named_by_its_key_and_not_by_its_value() -> None:
    for content, key in (({"a": {"b": ["x", "${oc.env:A}"]}}, "a.b"), ({"a": {"${b}": 1}}, "the keys of a")):
        with pytest.raises(UserError, match=key) as caught:
            refuse_references(content, Path("config.yaml"))
        assert "oc.env" not in str(caught.value)
    refuse_references({"a": ["$x", "{y}", None, 1.5]}, Path("config.yaml"))


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    for content, said in ((b"a: \xff", "byte 3 is not UTF-8"), (b"a: \x00", "control characters are not allowed")):
        path.write_bytes(content)
        for read in (load, load_plain):
            with pytest.raises(UserError, match=said) as caught:
                read(path)
            assert str(path) in str(caught.value)
