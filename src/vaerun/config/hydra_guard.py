"""Keeps Hydra from running what a configuration file names.

Hydra builds its launcher, sweeper, callbacks and loggers from the node ``hydra`` before a job begins, and imports the
packages of its search path. These may come from a file of a stranger, so only Hydra's own classes are built, and only
files whose cost is bounded are read.
"""

import pickle
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from hydra._internal.core_plugins import file_config_source, importlib_resources_config_source
from hydra.plugins.config_source import ConfigResult
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from vaerun.config.defaults import flatten
from vaerun.config.folders import own_directory
from vaerun.config.logging_guard import check_logging
from vaerun.config.trust import KEY, OWN, trusted
from vaerun.config.typed import TYPED_LAUNCHER, Typed
from vaerun.config.with_slash import with_slash
from vaerun.config.yaml_file import load, refuse_references
from vaerun.errors import UserError

OF_A_RUN = ("summary.json", "metrics.jsonl", "checkpoints")  # what stands beside the config.yaml of a run
PLUGINS = (
    "hydra_plugins.",
    "hydra._internal.core_plugins.",
    "vaerun.sweep.processes.",
    "vaerun.search.",
)  # Hydra itself builds only installed ones of these
CALLBACKS = ("hydra.experimental.callbacks.",)
NO_CONTAINER = ("launcher", "sweeper", "callbacks")  # nodes whose classes Hydra builds after references are resolved
PLACES = ("hydra.job.name", "hydra.output_subdir", "hydra.sweep.subdir")  # parts of the path of a file
READ: dict[tuple[object, ...], bytes] = {}  # what packages hold, as bytes: a copy of objects takes five times as long
REFERENCE = re.compile(r"\s*\$\{.*\}\s*", re.DOTALL)


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

    def _read_config(self, res: Any) -> ConfigResult:
        """Hydra's own, which parses a file once; a sweep and a notebook compose the same files many times."""
        if not isinstance(res, Path):  # inside of an archive
            return super()._read_config(res)
        found = res.stat()
        key = (self.provider, self.path, res, found.st_mtime_ns, found.st_size)
        if key not in READ:
            READ[key] = pickle.dumps(super()._read_config(res))
        result: ConfigResult = pickle.loads(READ[key])  # a new one, because Hydra changes it
        return result


def check_hydra_node(config: Any, words: Sequence[str] = ()) -> None:
    """Refuses a composed configuration whose node ``hydra`` names code, or a place for a file outside of the run.

    Args:
        config: with the node ``hydra``, before references are resolved.
        words: the overrides that it was composed with. What they set is the user's own.

    Raises:
        UserError: which key.
    """
    node: dict[str, Any] = OmegaConf.to_container(config.hydra, resolve=False)  # type: ignore[assignment]
    typed = Typed(words)
    _check_origin(node, typed)
    for group in ("launcher", "sweeper"):
        if not isinstance(node.get(group) or {}, Mapping):
            names = ["basic", *sorted(path.stem for path in (own_directory() / "hydra" / group).glob("*.yaml"))]
            raise UserError(with_slash(f"hydra.{group}", node[group], names))
    for group, child in node.items():
        key = f"hydra.{group}"
        if group in ("job_logging", "hydra_logging"):
            check_logging(key, child)
        else:
            _check_targets(key, child)
        if group in NO_CONTAINER:
            _check_references(config, key, child)
    _check_environment(node.get("job") or {}, typed)
    _check_places(node, typed)
    _check_launcher(node.get("launcher"), typed)
    sweeper = node.get("sweeper") or {}
    if sweeper.get("storage") is not None and not typed.sets("hydra.sweeper.storage"):
        raise _from_file("hydra.sweeper.storage")  # a database, to which the values of the trials are sent
    for param in sweeper.get("params") or {}:
        if str(param).lstrip("+~/").startswith(("hydra", "tracking")):
            raise _from_file(f"hydra.sweeper.params.{param}")


def _check_origin(node: Mapping[str, Any], typed: Typed) -> None:
    """Hydra takes the overrides and the directory of a job from its node, where a file may have written them before."""
    overrides = node.get("overrides") or {}
    if {str(word) for group in ("hydra", "task") for word in overrides.get(group) or []} - typed.whole:
        raise _from_file("hydra.overrides")
    if (node.get("runtime") or {}).get("output_dir", "???") != "???":
        raise _from_file("hydra.runtime.output_dir")


def _check_environment(job: Mapping[str, Any], typed: Typed) -> None:
    copied = [str(name) for name in job.get("env_copy") or []]
    if copied and not typed.sets("hydra.job.env_copy"):
        raise _from_file("hydra.job.env_copy")
    for name in job.get("env_set") or {}:
        if str(name) not in copied and not typed.sets(f"hydra.job.env_set.{name}"):
            raise _from_file(f"hydra.job.env_set.{name}")


def _check_places(node: Mapping[str, Any], typed: Typed) -> None:
    """A name of a folder or a file from a file of a stranger must not lead out of the run directory."""
    for key in PLACES:
        value: Any = {"hydra": node}
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is None or typed.sets(key):
            continue
        path = PurePosixPath(str(value))
        reference = "${" in str(value) and key != "hydra.sweep.subdir"  # which is checked when it is resolved
        if reference or path.is_absolute() or ".." in path.parts:
            raise _refused(key, value, "it must be a path inside of the run directory, without references and ..")


def _check_launcher(launcher: Any, typed: Typed) -> None:
    """Settings that run commands, write elsewhere, or send the jobs to another machine are the user's."""
    for name, value in flatten(launcher if isinstance(launcher, Mapping) else {}).items():
        harmless = value in (None, {}, [], *own_launchers().get(name, ())) or not name.startswith(TYPED_LAUNCHER)
        lines = not str(value).isprintable()  # in the script of a job, a second line would be a command
        if (not harmless or lines) and not typed.sets(f"hydra.launcher.{name}"):
            raise _from_file(f"hydra.launcher.{name}")


@cache
def own_launchers() -> dict[str, list[Any]]:
    """The values of each setting in vaerun's own launchers."""
    found: dict[str, list[Any]] = {}
    for path in (own_directory() / "hydra" / "launcher").glob("*.yaml"):
        for name, value in flatten(OmegaConf.to_container(load(path))).items():  # type: ignore[arg-type]
            found.setdefault(name, []).append(value)
    return found


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


def _check_references(config: Any, key: str, value: Any) -> None:
    """No reference in whose place a node with a class could stand when Hydra builds these nodes."""
    children = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for name, child in children:
        _check_references(config, f"{key}.{name}" if isinstance(value, Mapping) else f"{key}[{name}]", child)
    if isinstance(value, str) and REFERENCE.fullmatch(value):
        try:
            plain = not OmegaConf.is_config(OmegaConf.select(config, key))
        except OmegaConfBaseException:
            plain = False
        if not plain:
            raise _refused(key, value, "it refers to more than one value")


def _from_file(key: str) -> UserError:
    return UserError(
        f"{key} is not taken from a file: remove it there, and give it on the command line if you want it."
    )


def _refused(key: str, value: Any, rule: str) -> UserError:
    return UserError(f"{key}={value} is refused, because {rule}: remove it from the configuration.")
