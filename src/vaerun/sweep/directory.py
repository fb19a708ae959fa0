"""The directory of a sweep: its lock, its definition, and a run directory for every job."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import yaml

from vaerun.config.yaml_file import load_plain
from vaerun.errors import UserError
from vaerun.files import write
from vaerun.sweep.job import Job, digest, fingerprint, key_of
from vaerun.sweep.marker import FOLDER, stop_file
from vaerun.system.lock import FileLock

FILE = "sweep.yaml"
COMMENT = "# The definition of this sweep. vaerun sweep DIR starts it again; what is finished is skipped.\n"


@dataclass(frozen=True)
class Definition:
    """How a sweep was started.

    Attributes:
        words: its overrides, as they were typed.
        flags: its flags, as Hydra takes them.
        folder: the folder it was started in, from which its relative paths count.
    """

    words: Sequence[str]
    flags: Sequence[str] = ()
    folder: str = ""

    def changed(self, words: Sequence[str]) -> "Definition":
        """The definition with further overrides, which replace those with the same keys."""
        keys = {key_of(word) for word in words}
        return replace(self, words=[*(word for word in self.words if key_of(word) not in keys), *words])


@final
class SweepDirectory:
    """Locks the directory of a sweep against other sweeps. Use it in a with statement.

    Args:
        path: the directory; it is created if it does not exist.

    Raises:
        UserError: another sweep uses the directory; raised on entering.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FileLock(path / FOLDER / "lock")

    def __enter__(self) -> "SweepDirectory":
        (self.path / FOLDER).mkdir(parents=True, exist_ok=True)
        if not self._lock.acquire():
            raise UserError(
                f"{self.path} is in use by another sweep: wait for it to end, or choose another hydra.sweep.dir."
            )
        stop_file(self.path).unlink(missing_ok=True)
        return self

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    def write(self, definition: Definition) -> None:
        """Writes the definition of the sweep."""
        content = {
            "words": list(definition.words),
            "flags": list(definition.flags),
            "folder": definition.folder or str(Path.cwd()),
        }
        text = COMMENT + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        write(self.path / FILE, text.encode())

    def with_directories(self, jobs: Sequence[Job]) -> list[Job]:
        """The jobs with their run directories: that of a run with the same configuration, or a new one.

        Of several jobs with the same configuration, only the first is kept.
        """
        known = self._known()
        taken = dict(known)
        found: dict[str, Job] = {}
        for number, job in enumerate(jobs):
            mark = job.fingerprint()
            if mark in found:
                continue
            name = next((name for name, other in known.items() if other == mark), None)
            if name is None:
                name = job.preferred_name(number)
                if taken.get(name, mark) != mark:
                    name = f"{name}_{digest(mark)}"
            taken[name] = mark
            found[mark] = replace(job, directory=self.path / name)
        return list(found.values())

    def _known(self) -> dict[str, str]:
        """The fingerprints of the runs that are there already, by the names of their directories."""
        found = {}
        for path in sorted(self.path.glob("*/config.yaml")):
            try:
                config: Any = load_plain(path)
            except Exception:
                continue  # the run itself will say what is wrong with the file
            if isinstance(config, Mapping):
                found[path.parent.name] = fingerprint({str(key): value for key, value in config.items()})
        return found


def read_definition(directory: Path) -> Definition:
    """The definition of the sweep in a directory.

    Raises:
        UserError: the directory does not exist, or holds no sweep.
    """
    if not directory.is_dir():
        raise UserError(f"{directory} does not exist: give the directory of a sweep, or KEY=A,B,... for a new sweep.")
    path = directory / FILE
    if not path.exists():
        remedy = f"vaerun train resume={directory}" if (directory / "config.yaml").exists() else "vaerun sweep KEY=A,B"
        raise UserError(f"{directory} has no {FILE}, so it is not the directory of a sweep: use {remedy}.")
    try:
        content = load_plain(path)
        words, flags = [str(word) for word in content["words"]], [str(flag) for flag in content["flags"]]
        return Definition(words, flags, str(content["folder"]))
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, RecursionError):
        raise UserError(
            f"{path} is damaged: start the sweep with its own line and hydra.sweep.dir={directory}."
        ) from None


def enter_folder(definition: Definition) -> None:
    """Changes to the folder that the sweep was started in, because its relative paths count from there.

    Raises:
        UserError: the folder does not exist any more.
    """
    if not Path(definition.folder).is_dir():
        raise UserError(
            f"the folder {definition.folder}, in which the sweep was started, does not exist: create it, or correct "
            f"the line 'folder' in {FILE} of the sweep."
        )
    os.chdir(definition.folder)
