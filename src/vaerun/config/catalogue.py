"""The catalogue: all groups and options in the YAML files of a search path."""

import copy
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from omegaconf import OmegaConf

from vaerun.config.class_info import ClassInfo, class_info
from vaerun.config.several import SEVERAL
from vaerun.config.yaml_file import load, text_of

EXPERIMENT = "experiment"  # its options are sets of choices, not classes
HYDRA = "hydra"  # its own groups


class Option:
    """One YAML file of a group."""

    def __init__(self, group: str, name: str, path: Path) -> None:
        self.group, self.name, self.path = group, name, path

    def __str__(self) -> str:
        return f"{self.group}={self.name}"

    @cached_property
    def content(self) -> dict[str, Any]:
        """The content of the file; empty if it is not a valid mapping, which Hydra reports when it is chosen."""
        try:
            place = self.path.resolve()
            found = place.stat()
            return copy.deepcopy(_content(place, found.st_mtime_ns, found.st_size))
        except Exception:
            return {}

    @cached_property
    def info(self) -> ClassInfo | None:
        """The info of its class; None if the class cannot be found."""
        try:
            return class_info(str(self.content.get("_target_", "")))
        except LookupError:
            return None

    @property
    def summary(self) -> str:
        """The first line of its class's docstring; for an experiment, which has no class, the first comment."""
        if self.info is not None:
            return self.info.summary
        try:
            lines = text_of(self.path.resolve()).splitlines()
        except Exception:  # as for content
            return ""
        comments = [line for line in lines if line.startswith("#")]
        return next((line.lstrip("# ") for line in comments if not line.startswith("# @")), "")

    def nested(self) -> Mapping[str, str]:
        """Its defaults for nested groups: group ↦ option."""
        return self._nested

    def overrides(self) -> Mapping[str, str]:
        """The options that it sets in other groups: group ↦ option."""
        return self._overrides

    def written(self) -> list[str]:
        """Its keys and values, as on the command line."""
        return list(_flat(self.place, self.content))

    @property
    def place(self) -> str:
        """The prefix of its keys on the command line."""
        return f"{self.group}.{self.name}" if self.group in SEVERAL else self.group.replace("/", ".")

    # Kept, because a check of all combinations asks for them a million times.
    @cached_property
    def _nested(self) -> Mapping[str, str]:
        return MappingProxyType(dict(self._defaults(override=False)))

    @cached_property
    def _overrides(self) -> Mapping[str, str]:
        return MappingProxyType(dict(self._defaults(override=True)))

    def _defaults(self, *, override: bool) -> Iterator[tuple[str, str]]:
        entries = self.content.get("defaults")
        for entry in entries if isinstance(entries, list) else ():
            for key, option in entry.items() if isinstance(entry, dict) else ():
                *words, group = str(key).split() or [""]
                if ("override" in words) == override and isinstance(option, str):
                    place = group.partition("@")[0]
                    yield place if place.startswith("/") else f"/{self.group}/{place}", option


@cache
def _content(path: Path, written: int, size: int) -> dict[str, Any]:
    """The content of a file of that size, written at that time; a process makes a catalogue for each run or page."""
    content = OmegaConf.to_container(load(path))
    return {str(key): value for key, value in content.items()} if isinstance(content, dict) else {}


class Catalogue:
    """All options under some configuration directories. Of two options with one name, the first is used.

    Args:
        roots: the directories.
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        self.groups: dict[str, dict[str, Option]] = {}
        self.experiments: dict[str, Option] = {}
        self.root: dict[str, Any] = Option("", "config", roots[0] / "config.yaml").content
        for root in roots:
            for folder, path in _files(root):
                group, _, inner = folder.partition(f"{EXPERIMENT}/")
                if inner or group == EXPERIMENT:
                    name = f"{inner}/{path.stem}".lstrip("/")
                    self.experiments.setdefault(name, Option(EXPERIMENT, name, path))
                elif group != "." and group.split("/")[0] != HYDRA:
                    self.groups.setdefault(group, {}).setdefault(path.stem, Option(group, path.stem, path))

    def option(self, group: str, name: str | None) -> Option | None:
        """The option of that name, or None."""
        return self.groups.get(group, {}).get(name or "")

    @cached_property
    def nouns(self) -> dict[str, str]:
        """The groups of every run, and their default options; without those that can have several."""
        return {group: option for group, option in self._defaults.items() if group not in SEVERAL}

    @cached_property
    def several(self) -> dict[str, list[str]]:
        """The groups that can have several options at the same time, and their default options."""
        return {group: list(options) for group, options in self._defaults.items() if group in SEVERAL}

    @cached_property
    def _defaults(self) -> dict[str, Any]:
        entries = [entry for entry in self.root.get("defaults") or () if isinstance(entry, dict)]
        pairs = {str(group): option for entry in entries for group, option in entry.items()}
        return {group: option for group, option in pairs.items() if group in self.groups}

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The keys of a run that belong to no group, with their defaults."""
        return {key: value for key, value in self.root.items() if key not in ("defaults", "hydra", *SEVERAL)}

    def written(self) -> list[str]:
        """Every key and every group that can be written on the command line."""
        options = [option for group in self.groups.values() for option in group.values()]
        keys = [key for option in options for key in option.written()]
        return list(dict.fromkeys([*self.settings, *self.groups, EXPERIMENT, *keys]))

    def having_key(self, key: str) -> list[Option]:
        """The options that have this key."""
        return [option for group in self.groups.values() for option in group.values() if key in option.written()]


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    """Each YAML file and its folder below ``root``, sorted by path, so that a group comes before its nested groups.

    Names are text here, because every command asks for all files, and to compare paths takes longer than all the rest.
    """
    found = {Path(folder).relative_to(root).parts: (*folders, *names) for folder, folders, names in os.walk(root)}
    for parts, names in sorted(found.items()):
        for name in sorted(name for name in names if name.endswith(".yaml")):
            yield "/".join(parts) or ".", root.joinpath(*parts, name)


def _flat(prefix: str, content: Mapping[str, Any]) -> Iterator[str]:
    for key, value in content.items():
        if key == "defaults" or str(key).startswith("_"):
            continue
        path = f"{prefix}.{key}"
        if isinstance(value, dict) and value:
            yield from _flat(path, value)
        else:
            yield path
