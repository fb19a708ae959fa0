"""A run directory: its lock, its files, and the status of its run."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, final

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from vaerun.errors import UserError
from vaerun.experiment.integrity import change_in_config, is_changed, signed, with_checksum
from vaerun.system.fault import fault_of
from vaerun.system.lock import FileLock
from vaerun.system.warning import warn_once
from vaerun.system.whole_file import write_bytes

logger = logging.getLogger("vaerun")

# Keys that may change when a run is resumed, because they do not change its results.
FREE = ("execution.device", "execution.cuda_graphs", "execution.threads", "data.root", "data.path")


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
        """Logs that the run is finished."""
        logger.info("%s is already finished", self.path)


def checkpoint_path(directory: Path, name: str) -> Path:
    """The path of the checkpoint ``last`` or ``best``."""
    return directory / "checkpoints" / f"{name}.pt"


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
        keys = sorted(k for k in before.keys() | now.keys() if before.get(k) != now.get(k) and k not in FREE)
        if keys:
            key = keys[0]
            raise UserError(
                f"{directory} holds a run with {key}={before.get(key)}, not {now.get(key)}: continue it with "
                f"resume={directory}, or choose another hydra.run.dir."
            )
    text = OmegaConf.to_yaml(OmegaConf.create(dict(config))).encode()
    write_bytes(path, signed(text))


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
    if changed := change_in_config(path):
        warn_once(changed)
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
        if not isinstance(node, DictConfig) or key.rpartition(".")[2] not in node:
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
    """summary.json; nothing where there is none, or where it is damaged, with a warning.

    Nothing depends on it: the configuration, the checkpoints and the records have files of their own.
    """
    path = directory / "summary.json"
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
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
    write_bytes(directory / "summary.json", f"{text}\n".encode())
