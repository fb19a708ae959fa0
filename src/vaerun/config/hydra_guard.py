"""Keeps Hydra from running what a configuration file names.

Hydra builds its launcher, sweeper, callbacks and loggers from the node ``hydra`` before a job begins, and imports the
packages of its search path. These may come from a file of a stranger, so only Hydra's own classes are built, and only
files whose cost is bounded are read.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins import file_config_source, importlib_resources_config_source
from hydra.plugins.config_source import ConfigResult
from omegaconf import OmegaConf

from vaerun.config.trust import KEY, OWN, trusted
from vaerun.config.yaml_file import load, refuse_references
from vaerun.errors import UserError

OF_A_RUN = ("summary.json", "metrics.jsonl", "checkpoints")  # what stands beside the config.yaml of a run
PLUGINS = (
    "hydra_plugins.",
    "hydra._internal.core_plugins.",
    "vaerun.sweep.processes.",
)  # Hydra itself builds only installed ones of these
CALLBACKS = ("hydra.experimental.callbacks.",)
HANDLERS = ("logging.StreamHandler", "logging.NullHandler", "logging.FileHandler", "vaerun.system.log_file.LogFile")
FORMATTER = "colorlog.ColoredFormatter"  # of Hydra's plugin hydra_colorlog
STREAMS = ("ext://sys.stdout", "ext://sys.stderr")
FILENAME = re.compile(r"\$\{hydra\.(runtime\.output_dir|sweep\.dir)\}/([\w-]+|\$\{hydra\.job\.name\})\.(log|txt)")


class FileConfigSource(file_config_source.FileConfigSource):
    """The configuration files of a folder: regular files of a bounded cost.

    It has the name of Hydra's own class, because Hydra registers its own again in each process of a sweep, and keeps
    the one that is there if the names are equal.
    """

    def load_config(self, config_path: str) -> ConfigResult:
        path = Path(self.path, self._normalize_file_name(config_path)).resolve()
        if path.exists():
            content = load(path)
            if "choices" in content or any((path.parent / name).exists() for name in OF_A_RUN):
                refuse_references(OmegaConf.to_container(content), path)
        return super().load_config(config_path)


class ImportlibResourcesConfigSource(importlib_resources_config_source.ImportlibResourcesConfigSource):
    """The configuration files of an installed package. Finding them imports it."""

    def __init__(self, provider: str, path: str) -> None:
        name = path.removeprefix("pkg://").replace("/", ".").partition(".")[0]
        if name not in (OWN, "hydra", "hydra_plugins", *trusted()):
            raise UserError(
                f"hydra.searchpath has the package {name}, which is imported only if you allow it: add {KEY}={name} if "
                f"you know who wrote it."
            )
        super().__init__(provider, path)


def check_hydra_node(config: Any) -> None:
    """Refuses a composed configuration whose node ``hydra`` names code, or a place for a log outside of the run.

    Raises:
        UserError: which key.
    """
    node: dict[str, Any] = OmegaConf.to_container(config.hydra, resolve=False)  # type: ignore[assignment]
    for group, child in node.items():
        if group in ("job_logging", "hydra_logging"):
            _check_logging(f"hydra.{group}", child)
        else:
            _check_targets(f"hydra.{group}", child)
    words = (node.get("overrides") or {}).get("hydra") or []
    for key in ("env_set", "env_copy"):
        if (node.get("job") or {}).get(key) and not any(f"hydra.job.{key}" in str(word) for word in words):
            raise UserError(f"hydra.job.{key} is not taken from a file: set the variable in your shell, and remove it.")


def _check_targets(key: str, value: Any) -> None:
    """A class of Hydra at the top of its launcher and its sweeper, and callbacks of Hydra's own."""
    if isinstance(value, list):
        for item in value:
            _check_targets(key, item)
    if not isinstance(value, Mapping):
        return
    allowed: tuple[str, ...] = PLUGINS if key in ("hydra.launcher", "hydra.sweeper") else ()
    allowed = CALLBACKS if key.startswith("hydra.callbacks.") else allowed
    for name, child in value.items():
        if name == "_target_" and not (allowed and str(child).startswith(allowed)):
            raise _refused(f"{key}._target_", child, "only Hydra's own launchers, sweepers and callbacks are built")
        _check_targets(f"{key}.{name}", child)


def _check_logging(key: str, value: Any) -> None:
    """Handlers of Python's logging that write to the terminal or into the run."""
    if isinstance(value, list):
        for item in value:
            _check_logging(key, item)
    if not isinstance(value, Mapping):
        if str(value).startswith(("ext://", "cfg://")) and value not in STREAMS:
            raise _refused(key, value, "a log goes to the terminal or into the run")
        return
    for name, child in value.items():
        where = f"{key}.{name}"
        if (name == "()" and child != FORMATTER) or name == "_target_" or (name == "class" and child not in HANDLERS):
            raise _refused(where, child, f"only {', '.join(HANDLERS)} and {FORMATTER} are built")
        if name == "filename" and not FILENAME.fullmatch(str(child)):
            raise _refused(where, child, "a log stands in the run directory")
        _check_logging(where, child)


def _refused(key: str, value: Any, rule: str) -> UserError:
    return UserError(f"{key}={value} is refused, because {rule}: remove it from the configuration.")
