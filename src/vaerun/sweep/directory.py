"""The directory of a sweep: its lock, its definition, and a run directory for every job."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import yaml
from omegaconf import OmegaConf

from vaerun.config.command_line import command_line
from vaerun.config.typed import must_be_typed
from vaerun.config.yaml_file import load, load_plain
from vaerun.errors import UserError
from vaerun.experiment.directory import resume_command
from vaerun.sweep.job import Job, digest, fingerprint, key_of
from vaerun.sweep.marker import FOLDER, clear, stop_file
from vaerun.system.files import folder, refuse_odd, refused
from vaerun.system.lock import FileLock
from vaerun.system.whole_file import write

FILE = "sweep.yaml"
HYDRAS_FILE = "multirun.yaml"
FLAGS = ("--config-dir=", "--config-path=", "--config-name=")  # those that its file may have
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

    def with_flags(self, flags: Sequence[str]) -> "Definition":
        """The definition with further flags, which replace those with the same names."""
        names = {flag.partition("=")[0] for flag in flags}
        return replace(self, flags=[*(flag for flag in self.flags if flag.partition("=")[0] not in names), *flags])


def refuse_odd_files(directory: Path) -> None:
    """Refuses a directory in which a file of a sweep is something else, such as a symbolic link.

    Hydra writes ``multirun.yaml`` itself, and would follow it.

    Raises:
        UnsafeFileError: which.
    """
    for name in (FILE, HYDRAS_FILE):
        refuse_odd(directory / name)


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
        self._taken: dict[str, str] | None = None  # the fingerprints of all jobs, by the names of their directories

    def __enter__(self) -> "SweepDirectory":
        self.path.mkdir(parents=True, exist_ok=True)
        folder(self.path / FOLDER)
        if not self._lock.acquire():
            raise UserError(
                f"{self.path} is in use by another sweep: wait for it to end, or choose another hydra.sweep.dir."
            )
        try:
            clear(stop_file(self.path))
        except BaseException:
            self._lock.release()
            raise
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

        Raises:
            UnsafeFileError: a run directory is a symbolic link.
            UserError: two jobs are the same run, computed in two ways.
        """
        if self._taken is None:
            self._taken = self._known()
        taken, known = self._taken, dict(self._taken)
        found: dict[str, Job] = {}
        for number, job in enumerate(jobs):
            mark = job.fingerprint()
            if mark in found:
                _refuse_same_run(found[mark], job)
                continue
            name = next((name for name, other in known.items() if other == mark), None)
            if name is None:
                name = job.preferred_name(number)
                if taken.get(name, mark) != mark:
                    name = f"{name}_{digest(mark)}"
            taken[name] = mark
            if (self.path / name).is_symlink():
                raise refused(self.path / name)
            found[mark] = replace(job, directory=self.path / name)
        return list(found.values())

    def _known(self) -> dict[str, str]:
        """The fingerprints of the runs that are there already, by the names of their directories."""
        found = {}
        for path in sorted(self.path.glob("*/config.yaml")):
            try:
                config: Any = OmegaConf.to_container(load(path))  # as Hydra reads numbers: 1e-5 is one
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
        remedy = resume_command(directory) if (directory / "config.yaml").exists() else "vaerun sweep KEY=A,B"
        raise UserError(f"{directory} has no {FILE}, so it is not the directory of a sweep: use {remedy}.")
    try:
        content = load_plain(path)
        definition = Definition(content["words"], content["flags"], content["folder"])
        if not _is_of_text(definition):
            raise TypeError
        return definition
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, RecursionError):
        raise UserError(
            f"{path} is damaged: start the sweep with its own line and hydra.sweep.dir={directory}."
        ) from None


def refuse_typed_words(definition: Definition, directory: Path, words: Sequence[str]) -> None:
    """Refuses what only the command line may say, in the file of a sweep: the directory may come from a stranger.

    Args:
        definition: as the file has it, with the words that replace some of its own.
        directory: of the sweep.
        words: those that were typed.

    Raises:
        UserError: the first such word, and how to give it.
    """
    for flag in definition.flags:
        if not flag.startswith(FLAGS):
            raise UserError(f"{directory / FILE} has the flag {flag}, which a sweep does not take: remove it there.")
    for word in definition.words:
        if must_be_typed(word) and word not in words:
            raise UserError(
                f"{directory / FILE} has {word}, which is not taken from a file: if it is your own, type it again, "
                f"{command_line('vaerun', 'sweep', str(directory), word)}, or remove it there."
            )


def _refuse_same_run(job: Job, other: Job) -> None:
    mine, others = job.free_values(), other.free_values()
    key = next((key for key in mine if mine[key] != others[key]), None)
    if key is not None:
        raise UserError(
            f"{key} does not distinguish runs, so {key}={mine[key]} and {key}={others[key]} cannot be two jobs of one "
            f"sweep: give it one value, and start a second sweep with another hydra.sweep.dir."
        )


def _is_of_text(definition: Definition) -> bool:
    lists = (definition.words, definition.flags)
    return isinstance(definition.folder, str) and all(
        isinstance(texts, list) and all(isinstance(text, str) for text in texts) for texts in lists
    )


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
