"""Keeps Python's logging from running, or writing to, what a configuration file names.

``logging.config.dictConfig`` calls the classes that it is given with arguments of the file, sets the attributes of a
handler that stand under ``.``, and imports what ``ext://`` names. So only known keys with plain values are let through.
"""

import re
from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, open_dict

from vaerun.errors import UserError

STREAM, NULL, FILE, LOG_FILE = (
    "logging.StreamHandler",
    "logging.NullHandler",
    "logging.FileHandler",
    "vaerun.system.log_file.LogFile",
)
OF_ALL = frozenset({"class", "level", "formatter", "filters"})
HANDLERS: Mapping[str, frozenset[str]] = {
    STREAM: OF_ALL | {"stream"},
    NULL: OF_ALL,
    FILE: OF_ALL | {"filename"},
    LOG_FILE: OF_ALL | {"filename"},
}
"""The classes of handlers, and the keys of each."""

COLORED = "colorlog.ColoredFormatter"  # of Hydra's plugin hydra_colorlog
PLAIN_FORMATTER = frozenset({"format", "datefmt", "style", "validate"})
COLORED_FORMATTER = PLAIN_FORMATTER | {"()", "log_colors", "secondary_log_colors", "reset"}
LOGGER = frozenset({"level", "propagate", "handlers", "filters"})
TOP = frozenset(
    {"version", "incremental", "disable_existing_loggers", "formatters", "filters", "handlers", "loggers", "root"}
)
STREAMS = ("ext://sys.stdout", "ext://sys.stderr")
FILENAME = re.compile(r"\$\{hydra\.(runtime\.output_dir|sweep\.dir)\}/([\w-]+|\$\{hydra\.job\.name\})\.(log|txt)")


def check_logging(key: str, node: Any) -> None:
    """Refuses a configuration of logging, before references are resolved, that does more than write a log.

    Args:
        key: its key, hydra.job_logging.
        node: its value as plain values.

    Raises:
        UserError: which key.
    """
    if node is None:
        return
    _keys(key, node, TOP)
    for name, formatter in _named(key, node, "formatters"):
        _keys(name, formatter, COLORED_FORMATTER if "()" in formatter else PLAIN_FORMATTER)
        if formatter.get("()", COLORED) != COLORED:
            raise _refused(f"{name}.()", formatter["()"], f"only {COLORED} is built")
    for name, part in _named(key, node, "filters"):
        _keys(name, part, frozenset({"name"}))
    for name, handler in _named(key, node, "handlers"):
        _check_handler(name, handler)
    for name, logger in _named(key, node, "loggers"):
        _keys(name, logger, LOGGER)
    if node.get("root") is not None:
        _keys(f"{key}.root", node["root"], LOGGER)
    _check_values(key, node)


def write_through_no_link(config: DictConfig) -> None:
    """Uses vaerun's handler in place of Python's for log files, because that one follows symbolic links."""
    for group in ("job_logging", "hydra_logging"):
        for handler in ((config.hydra.get(group) or {}).get("handlers") or {}).values():
            if handler["class"] == FILE:
                with open_dict(config):
                    handler["class"] = LOG_FILE


def _named(key: str, node: Mapping[Any, Any], part: str) -> list[tuple[str, Mapping[Any, Any]]]:
    """The entries of a part, such as the handlers, each with its key."""
    entries = node.get(part)
    if entries is None:
        return []
    if not isinstance(entries, Mapping):
        raise _refused(f"{key}.{part}", entries, "it must be a mapping")
    for name, entry in entries.items():
        if not isinstance(entry, Mapping):
            raise _refused(f"{key}.{part}.{name}", entry, "it must be a mapping")
    return [(f"{key}.{part}.{name}", entry) for name, entry in entries.items()]


def _check_handler(key: str, handler: Mapping[Any, Any]) -> None:
    kind = handler.get("class")
    if not isinstance(kind, str) or kind not in HANDLERS:
        raise _refused(f"{key}.class", kind, f"only {', '.join(HANDLERS)} are built")
    _keys(key, handler, HANDLERS[kind])
    if handler.get("stream", STREAMS[0]) not in STREAMS:
        raise _refused(f"{key}.stream", handler["stream"], "a log goes to the terminal or into the run")
    if "filename" in HANDLERS[kind] and not FILENAME.fullmatch(str(handler.get("filename"))):
        raise _refused(f"{key}.filename", handler.get("filename"), "a log stands in the run directory")


def _keys(key: str, node: Any, known: frozenset[str]) -> None:
    if not isinstance(node, Mapping):
        raise _refused(key, node, "it must be a mapping")
    for name in node:
        if name not in known:
            raise _refused(f"{key}.{name}", node[name], f"the keys there are {', '.join(sorted(known))}")


def _check_values(key: str, value: Any) -> None:
    """No text that logging would import, and no reference that could become one."""
    children = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for name, child in children:
        _check_values(f"{key}.{name}", child)
    if isinstance(value, str) and not (value in STREAMS or (key.endswith(".filename") and FILENAME.fullmatch(value))):
        for mark, what in (("${", "a reference"), ("ext://", "an object of Python"), ("cfg://", "another value")):
            if mark in value:
                raise _refused(key, value, f"{what} is not taken in the settings of a log")


def _refused(key: str, value: Any, rule: str) -> UserError:
    return UserError(f"{key}={value} is refused, because {rule}: remove it from the configuration.")
