"""A run directory: its lock, its files, and the status of its run."""

import fcntl
import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, final

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from vaerun.errors import UserError

logger = logging.getLogger("vaerun")

# Keys that may change when a run is resumed, because they do not change its results.
FREE = ("execution.device", "execution.devices", "execution.cuda_graphs", "execution.threads", "data.root", "data.path")


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
        self._lock: IO[str] | None = None

    def __enter__(self) -> "RunDirectory":
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise UserError(f"{self.path} is not a directory: choose another directory.") from None
        lock = (self.path / ".lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise UserError(
                f"{self.path} is in use by another vaerun: wait for it to end, or choose another hydra.run.dir."
            ) from None
        self._lock = lock
        try:
            if self.config is not None:
                write_config(self.path, self.config)
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

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
        """Logs that the run is finished."""
        logger.info("%s is already finished", self.path)


def checkpoint_path(directory: Path, name: str) -> Path:
    """The path of the checkpoint ``last`` or ``best``."""
    return directory / "checkpoints" / f"{name}.pt"


def write_config(directory: Path, config: Mapping[str, Any]) -> None:
    """Writes config.yaml, unless the directory holds the configuration of another run.

    Raises:
        UserError: it holds another configuration and a checkpoint.
    """
    path = directory / "config.yaml"
    if path.exists() and checkpoint_path(directory, "last").exists():
        before = flatten(OmegaConf.to_container(read_config(directory)))  # type: ignore[arg-type]
        now = flatten(config)
        keys = sorted(k for k in before.keys() | now.keys() if before.get(k) != now.get(k) and k not in FREE)
        if keys:
            key = keys[0]
            raise UserError(
                f"{directory} holds a run with {key}={before.get(key)}, not {now.get(key)}: continue it with "
                f"resume={directory}, or choose another hydra.run.dir."
            )
    write_whole(path, OmegaConf.to_yaml(OmegaConf.create(dict(config))))


def read_config(directory: Path) -> DictConfig:
    """The configuration of a run.

    Raises:
        UserError: the directory is not a run directory, or its config.yaml is damaged.
    """
    path = directory / "config.yaml"
    if not path.exists():
        if (directory / "summary.json").exists():
            raise UserError(
                f"{directory} has no config.yaml, because its run was made of objects in Python: make the same "
                f"objects again, and call experiment.restore(Path({str(directory)!r}))."
            )
        what = "has no config.yaml, so it is not a run directory" if directory.exists() else "does not exist"
        raise UserError(f"{directory} {what}: give a directory that vaerun train has written.")
    try:
        config = OmegaConf.load(path)
    except (YAMLError, UnicodeDecodeError, OmegaConfBaseException):
        config = None
    if not isinstance(config, DictConfig):
        raise UserError(f"{path} is not the configuration of a run: restore the file that vaerun train has written.")
    return config


def relocate(cfg: DictConfig, words: Sequence[str]) -> None:
    """Sets keys of ``FREE`` to the values in ``words``, each KEY=VALUE.

    Raises:
        UserError: the run has no such key, or it may not be set.
    """
    for word in words:
        key, equals, value = word.lstrip("+").partition("=")
        if key not in FREE:
            raise UserError(
                f"{word} cannot be set, because a run keeps its configuration: leave it out, or start a new run. "
                f"Only {', '.join(FREE)} may change."
            )
        node = OmegaConf.select(cfg, key.rpartition(".")[0])
        # A run of an earlier version has the default for a key of execution that its config.yaml does not know.
        known = isinstance(node, DictConfig) and (key.rpartition(".")[2] in node or key.startswith("execution."))
        if not known:
            raise UserError(f"{key} is not a key of this run, whose data are {cfg.data.get('_target_')}: leave it out.")
        unreadable = UserError(f"{word!r} cannot be read: write {key}=VALUE.")
        if not equals:
            raise unreadable
        try:
            OmegaConf.update(cfg, key, OmegaConf.from_dotlist([f"value={value}"])["value"])
        except YAMLError:
            raise unreadable from None


def flatten(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one mapping of dotted keys."""
    flat: dict[str, Any] = {}
    for key, child in value.items():
        flat |= flatten(child, f"{prefix}{key}.") if isinstance(child, Mapping) else {f"{prefix}{key}": child}
    return flat


def read_summary(directory: Path) -> dict[str, Any]:
    """summary.json, or nothing where there is none.

    Raises:
        UserError: it is damaged.
    """
    path = directory / "summary.json"
    if not path.exists():
        return {}
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        summary = None
    if not isinstance(summary, dict):
        raise UserError(f"{path} is not the summary of a run: restore the file, or remove it.")
    return summary


def write_summary(directory: Path, summary: Mapping[str, Any]) -> None:
    """Writes summary.json."""
    write_whole(directory / "summary.json", json.dumps(summary, indent=2, allow_nan=False) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Writes a temporary file and renames it to ``path``, so that ``path`` is never half-written.

    A file that has this text already is not written again.
    """
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
