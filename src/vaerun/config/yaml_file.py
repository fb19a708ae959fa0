"""Reads YAML files whose cost is bounded before they are read.

A few lines of YAML with nested aliases stand for more values than a computer can hold, and Python reads deeply nested
YAML by recursion. The events of the parser, which take neither, are therefore counted first.
"""

import io
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf, _utils

from vaerun.errors import UserError
from vaerun.system.files import UnsafeFileError, read

LARGEST = 2**18  # bytes of a file
NODES = 10_000  # keys and values, those of aliases counted each time
DEPTH = 40
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C loader is ten times as fast; not every PyYAML has it
OMEGACONF_LOADER: Any = getattr(_utils, "get_yaml_loader", None)
"""Makes OmegaConf's loader; None from OmegaConf 2.4 on, whose own loader has the C parser."""


class Named(io.StringIO):
    """A text with the path of its file, which PyYAML names in its errors."""

    def __init__(self, text: str, path: Path) -> None:
        super().__init__(text)
        self.name = str(path)


def load(path: Path) -> Any:
    """The content of a YAML file, as OmegaConf reads it, with interpolations as text.

    Raises:
        UnsafeFileError: it is not a regular file, or it is too large, too deep, or has too many values.
        UserError: it is not text.
        YAMLError, ValueError: it is not YAML. Any OSError: it cannot be read.
    """
    text = Named(text_of(path), path)
    if OMEGACONF_LOADER is None:
        return OmegaConf.load(text)
    content = yaml.load(text, omegaconf_loader())
    return OmegaConf.create() if content is None else OmegaConf.create(content)


@cache
def omegaconf_loader() -> Any:
    """OmegaConf's loader, which has its own rules for numbers and refuses a key twice, above the C parser.

    The parser takes most of the time of a composition if it is the one in Python.
    """
    usual = OMEGACONF_LOADER()
    if LOADER is yaml.SafeLoader:
        return usual

    class Loader(yaml.cyaml.CParser, usual):  # type: ignore[misc, valid-type]
        """The parser's methods come first, the others are those of OmegaConf's loader."""

        def __init__(self, stream: Any) -> None:
            yaml.cyaml.CParser.__init__(self, stream)
            yaml.constructor.SafeConstructor.__init__(self)
            yaml.resolver.Resolver.__init__(self)

    return Loader


def load_plain(path: Path) -> Any:
    """The same as plain values, ten times as fast; some numbers, such as 1e-3, stay text.

    Raises:
        As ``load``.
    """
    return yaml.load(Named(text_of(path), path), LOADER)


def refuse_references(content: Any, path: Path) -> None:
    """Refuses a reference to another value, such as a variable of the environment, in the configuration of a run.

    Raises:
        UserError: it names the first key with one, and not the value.
    """
    found = next(_references(content, ""), None)
    if found is not None:
        raise UserError(
            f"{path} has a reference to another value in {found}, which is not resolved, because vaerun writes values "
            f"alone: write the value itself."
        )


def _references(value: Any, key: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, child in value.items():
            yield from _references(child, f"{key}.{name}".lstrip("."))
            yield from _references(name, f"the keys of {key or 'the file'}")
    elif isinstance(value, list):
        for child in value:
            yield from _references(child, key)
    elif "${" in str(value):
        yield key


def text_of(path: Path) -> str:
    """The text of a YAML file, whose cost has been bounded.

    Raises:
        As ``load``.
    """
    try:
        text = read(path, most=LARGEST).decode()
        problem = excess(Named(text, path))
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not text, because byte {error.start} is not UTF-8: save it as UTF-8.") from error
    except yaml.reader.ReaderError as error:  # which does not name the file
        raise UserError(f"{path} is not YAML, because {error.reason}: remove the character.") from None
    if problem:
        raise UnsafeFileError(f"{path} {problem}, so it is not read: write the values without aliases.")
    return text


def excess(text: io.StringIO) -> str:
    """What is too much in a YAML text; empty if its cost is bounded.

    Raises:
        YAMLError: it is not YAML.
    """
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = [(None, 0)]
    for event in yaml.parse(text, LOADER):
        size = 0
        anchor = getattr(event, "anchor", None)
        if isinstance(event, yaml.AliasEvent):
            if anchor not in sizes:
                return f"has an alias {anchor!r} inside of the value that it stands for"
            size = sizes[anchor]
        elif isinstance(event, yaml.ScalarEvent):
            size = 1
            sizes |= {anchor: size} if anchor else {}
        elif isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
            open_nodes.append((anchor, 1))
            sizes.pop(anchor or "", None)
        elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            anchor, size = open_nodes.pop()
            sizes |= {anchor: size} if anchor else {}
        if size:
            around, count = open_nodes.pop()
            open_nodes.append((around, count + size))
        if open_nodes[-1][1] > NODES or len(open_nodes) > DEPTH:
            return f"has more than {NODES:,} values" if len(open_nodes) <= DEPTH else f"has more than {DEPTH} levels"
    return ""
