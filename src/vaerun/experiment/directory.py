"""A run directory: its lock, its files, and the status of its run."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, final

from omegaconf import DictConfig, OmegaConf

from vaerun.config.command_line import command_line
from vaerun.config.defaults import flatten
from vaerun.config.yaml_file import load, refuse_references
from vaerun.errors import UserError
from vaerun.experiment.integrity import change_in_config, is_changed, signed, with_checksum
from vaerun.system.fault import fault_of
from vaerun.system.files import UnsafeFileError, read
from vaerun.system.lock import FileLock
from vaerun.system.warning import warn_once
from vaerun.system.whole_file import write

logger = logging.getLogger("vaerun")

LARGEST = 2**24  # bytes of summary.json
# May grow when a run is resumed.
BUDGET = ("trainer.epochs", "trainer.max_seconds", "trainer.max_decoder_evaluations", "trainer.patience")
FILES = ("data.path", "data.label_path")
"""Files and folders of a user, which are kept as absolute paths."""

FREE = (
    "execution.device",
    "execution.devices",
    "execution.cuda_graphs",
    "execution.threads",
    "execution.phi_memory",
    "data.root",
    "data.memory",
    *FILES,
)
"""Keys that may change when a run is resumed, because they do not change its results."""


def is_free(key: str) -> bool:
    """Whether a key does not distinguish runs: it is in ``FREE``, or of a tracker."""
    return key in FREE or key.partition(".")[0] == "tracking"


@final
class RunDirectory:
    """Locks a run directory against other processes, and writes its config.yaml.

    Use it in a with statement. The lock is released at the end, also if the process is killed.

    Args:
        path: the directory; it is created if it does not exist.
        config: the content of config.yaml; None for an experiment that was built by hand.

    Raises:
        UserError: the path is a file, another process uses the directory, or it holds another run; raised on entering.
    """

    def __init__(self, path: Path | str, config: Mapping[str, Any] | None = None) -> None:
        self.path, self.config = Path(path), config
        self._lock = FileLock(self.path / ".lock")

    def __enter__(self) -> "RunDirectory":
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            free = self._lock.acquire()
        except (FileExistsError, NotADirectoryError):
            raise UserError(f"{self.path} is not a directory: choose another directory.") from None
        except OSError as error:
            fault = fault_of(error)
            if fault is None or fault.code != UserError.exit_code:
                raise
            raise UserError(f"{fault.what}: choose another directory (hydra.run.dir) that can be written.") from None
        if not free:
            raise UserError(
                f"{self.path} is in use by another vaerun: wait for it to end, or choose another hydra.run.dir."
            )
        if not self._lock.works:
            logger.warning(
                "%s is on a file system without locks: make sure that no other vaerun uses it at the same time",
                self.path,
            )
        try:
            if self.config is not None:
                write_config(self.path, self.config)
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def summary(self) -> dict[str, Any]:
        """summary.json, or nothing where there is none."""
        return read_summary(self.path)

    @property
    def is_finished(self) -> bool:
        """Whether its run has completed."""
        return self.summary.get("status") == "completed"

    def tell_finished(self) -> None:
        """Logs that the run is finished, and how to train it longer."""
        if (self.path / "config.yaml").exists():
            longer = f"to train it longer, give more epochs: {resume_command(self.path)} trainer.epochs=N"
        else:  # made of objects in Python
            longer = "to train again, give experiment.fit another directory"
        logger.info("%s is already finished; %s", self.path, longer)


def checkpoint_path(directory: Path, name: str) -> Path:
    """The path of the checkpoint ``last`` or ``best``."""
    return directory / "checkpoints" / f"{name}.pt"


def resume_command(directory: Path) -> str:
    """The command that continues a run, as it can be copied into a shell."""
    return command_line("vaerun", "train", f"resume={directory}")


def how_to_resume(directory: Path) -> str:
    """What continues a run: a command, or a call for a run of objects that were made in Python."""
    if (directory / "config.yaml").exists():
        return resume_command(directory)
    return f"experiment.fit({str(directory)!r}) in Python, with an experiment of the same objects"


def has_checkpoint(directory: Path) -> bool:
    """Whether there is a checkpoint that the run could continue from."""
    names = ("last", "last.previous", "best", "best.previous")
    return any(checkpoint_path(directory, name).exists() for name in names)


def write_config(directory: Path, config: Mapping[str, Any]) -> None:
    """Writes config.yaml, unless the directory holds the configuration of another run.

    Raises:
        UserError: it holds another configuration and a checkpoint.
    """
    path = directory / "config.yaml"
    if path.exists() and has_checkpoint(directory):
        before = flatten(OmegaConf.to_container(read_config(directory)))  # type: ignore[arg-type]
        now = flatten(config)
        keys = sorted(k for k in before.keys() | now.keys() if before.get(k) != now.get(k) and not is_free(k))
        if keys:
            raise UserError(other_run(directory, before, now, keys))
    write(path, signed(OmegaConf.to_yaml(OmegaConf.create(dict(config))).encode()))


def other_run(directory: Path, before: Mapping[str, Any], now: Mapping[str, Any], keys: Sequence[str]) -> str:
    """The sentence about a directory whose run differs in ``keys``; only a budget can be changed."""
    key = keys[0]
    said = f"{directory} holds a run with {key}={_text(before.get(key))}, not {_text(now.get(key))}"
    if set(keys) <= set(BUDGET):
        changed = " ".join(f"{key}={_text(now.get(key))}" for key in keys)
        return f"{said}: continue it with {resume_command(directory)} {changed}, or choose another hydra.run.dir."
    if read_summary(directory).get("status") == "completed":
        return f"{said}, and it is finished: choose another hydra.run.dir."
    return f"{said}: continue it as it is with {resume_command(directory)}, or choose another hydra.run.dir."


def _text(value: Any) -> str:
    """A value as on the command line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def read_config(directory: Path) -> DictConfig:
    """The configuration of a run.

    Raises:
        UserError: the directory is not a run directory, or its config.yaml is damaged.
    """
    path = directory / "config.yaml"
    try:
        config = load(path)
    except (FileNotFoundError, NotADirectoryError):
        if (directory / "summary.json").exists():
            summary = read_summary(directory)
            if summary.get("status") == "failed" and not (directory / "checkpoints").exists():
                reason = str(summary.get("reason") or "log.txt has the reason.")
                raise UserError(f"{directory} holds no run, because it failed before it began: {reason}") from None
            raise UserError(
                f"{directory} has no config.yaml: if its run was made of objects in Python, make the same objects "
                f"again, and call experiment.fit({str(directory)!r}), which opens a finished run; otherwise restore "
                "the file that vaerun train has written."
            ) from None
        what = "has no config.yaml, so it is not a run directory" if directory.exists() else "does not exist"
        raise UserError(f"{directory} {what}: give a directory that vaerun train has written.") from None
    except (UnsafeFileError, OSError):
        raise
    except Exception:  # the file of a stranger can hold anything
        config = None
    if not isinstance(config, DictConfig) or not config or not _is_of_run(OmegaConf.to_container(config)):
        raise UserError(f"{path} is not the configuration of a run: restore the file that vaerun train has written.")
    refuse_references(OmegaConf.to_container(config), path)
    if changed := change_in_config(path):
        warn_once(changed)
    return config


def _is_of_run(config: Any) -> bool:
    """Whether every key at any depth is text, and the choices are options by group."""
    choices = config.get("choices", {})
    named = isinstance(choices, dict) and all(isinstance(option, str) for option in choices.values())
    return named and _has_text_keys(config)


def _has_text_keys(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_has_text_keys, value))
    if not isinstance(value, dict):
        return True
    return all(isinstance(key, str) and _has_text_keys(child) for key, child in value.items())


def read_summary(directory: Path) -> dict[str, Any]:
    """summary.json; nothing where there is none, or where it is damaged, with a warning.

    Nothing depends on it: the configuration, the checkpoints and the records have files of their own.
    """
    path = directory / "summary.json"
    try:
        summary = json.loads(read(path, most=LARGEST))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError):
        summary = None
    if not isinstance(summary, dict) or not isinstance(summary.get("data", {}), dict):
        warn_once(f"{path} is damaged and is not used")
        return {}
    if is_changed(summary):
        warn_once(f"{path} was changed: its checksum is not that of its content")
    return summary


def write_summary(directory: Path, summary: Mapping[str, Any]) -> None:
    """Writes summary.json, with a checksum of its content."""
    text = json.dumps(with_checksum(summary), indent=2, allow_nan=False)
    write(directory / "summary.json", f"{text}\n".encode())
