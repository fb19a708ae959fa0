"""A run directory: its lock, its files, and the status of its run."""

import fcntl
import json
import logging
import math
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, final

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from vaerun.config.defaults import flatten
from vaerun.errors import UserError

logger = logging.getLogger("vaerun")

# Keys that may change when a run is resumed, because they do not change its results.
BUDGET = ("trainer.epochs", "trainer.max_seconds", "trainer.max_decoder_evaluations")  # may grow when a run is resumed
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
        """Logs that the run is finished, and how to train it longer."""
        logger.info(
            "%s is already finished; to train it longer, give more epochs: %s trainer.epochs=N",
            self.path,
            resume_command(self.path),
        )


def checkpoint_path(directory: Path, name: str) -> Path:
    """The path of the checkpoint ``last`` or ``best``."""
    return directory / "checkpoints" / f"{name}.pt"


def resume_command(directory: Path) -> str:
    """The command that continues a run, as it can be copied into a shell."""
    return f"vaerun train {shlex.quote(f'resume={directory}')}"


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
            raise UserError(other_run(directory, before, now, keys))
    write_whole(path, OmegaConf.to_yaml(OmegaConf.create(dict(config))))


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


def grow(directory: Path, cfg: DictConfig) -> None:
    """Gives the run in a directory the budget of ``cfg``, so that it goes on as if it had been started with it.

    Nothing is done if the budget is that of the run.

    Raises:
        UserError: the run is in use, or has trained longer than the new budget allows.
    """
    before, now = flatten(OmegaConf.to_container(read_config(directory))), flatten(OmegaConf.to_container(cfg))  # type: ignore[arg-type]
    if all(before.get(key) == now.get(key) for key in BUDGET):
        return
    with RunDirectory(directory) as place:
        summary, epochs = place.summary, int(cfg.trainer.epochs)
        done = summary.get("epochs", 0)
        if isinstance(done, (int, float)) and (epochs < done or (epochs == done and place.is_finished)):
            raise UserError(
                f"trainer.epochs must be above {done:g}, because the run in {directory} has trained that long already, "
                f"got {epochs}: use trainer.epochs={math.floor(done) + 1} or more."
            )
        grown = OmegaConf.merge(read_config(directory), {"trainer": cfg.trainer})
        write_whole(directory / "config.yaml", OmegaConf.to_yaml(grown))
        if place.is_finished:
            write_summary(directory, {**summary, "status": "interrupted", "reason": "its budget was changed"})


def relocate(cfg: DictConfig, words: Sequence[str], allowed: Sequence[str] = FREE) -> None:
    """Sets keys of ``allowed`` to the values in ``words``, each KEY=VALUE.

    Raises:
        UserError: the run has no such key, or it may not be set.
    """
    for word in words:
        key, equals, value = word.lstrip("+").partition("=")
        if key not in allowed:
            raise UserError(
                f"{word} cannot be set, because a run keeps its configuration: leave it out, or start a new run. "
                f"Only {', '.join(allowed)} may change."
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
