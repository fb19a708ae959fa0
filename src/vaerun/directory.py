"""A run directory: whose it is, what it holds, and how its run stands."""

import fcntl
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from vaerun.errors import UserError

# Where a run computes may change when it goes on; what it computes may not.
FREE = ("trainer.device", "trainer.cuda_graphs", "trainer.threads", "data.root", "data.path")


@contextmanager
def claim(directory: Path) -> Iterator[None]:
    """Keeps every other process out of the directory; the claim ends with the process, however it ends.

    Raises:
        UserError: another process is running in it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{directory} is in use by another vaerun: wait for it to end, or choose another hydra.run.dir."
            ) from None
        yield


def checkpoint_path(directory: Path, name: str) -> Path:
    """Where the checkpoint ``last`` or ``best`` stands."""
    return directory / "checkpoints" / f"{name}.pt"


def write_config(directory: Path, config: Mapping[str, Any]) -> None:
    """Writes config.yaml, unless the directory holds the configuration of another run.

    Raises:
        UserError: it does, and that run has been trained in.
    """
    path = directory / "config.yaml"
    if path.exists() and checkpoint_path(directory, "last").exists():
        before = flatten(OmegaConf.to_container(read_config(directory)))  # type: ignore[arg-type]
        now = flatten(config)
        keys = sorted(k for k in before.keys() | now.keys() if before.get(k) != now.get(k) and k not in FREE)
        if keys:
            key = keys[0]
            raise UserError(
                f"{directory} holds a run with {key}={before.get(key)}, not {now.get(key)}: go on with "
                f"resume={directory}, or choose another hydra.run.dir."
            )
    OmegaConf.save(OmegaConf.create(dict(config)), path)


def read_config(directory: Path) -> DictConfig:
    """The configuration of a run.

    Raises:
        UserError: the directory is not that of a run.
    """
    path = directory / "config.yaml"
    if not path.exists():
        what = "has no config.yaml, so it is not the directory of a run" if directory.exists() else "does not exist"
        raise UserError(f"{directory} {what}: name a directory that vaerun train has written.")
    config = OmegaConf.load(path)
    assert isinstance(config, DictConfig)
    return config


def relocate(cfg: DictConfig, words: Sequence[str]) -> None:
    """Sets the keys of ``FREE`` that ``words``, each KEY=VALUE, name.

    Raises:
        UserError: the run has no such key.
    """
    for word in words:
        key, _, value = word.lstrip("+").partition("=")
        node = OmegaConf.select(cfg, key.rpartition(".")[0])
        if not isinstance(node, DictConfig) or key.rpartition(".")[2] not in node:
            raise UserError(f"{key} is no key of this run, whose data={cfg.data.get('_target_')}: leave it out.")
        OmegaConf.update(cfg, key, OmegaConf.from_dotlist([f"value={value}"])["value"])


def flatten(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one mapping of dotted keys."""
    flat: dict[str, Any] = {}
    for key, child in value.items():
        flat |= flatten(child, f"{prefix}{key}.") if isinstance(child, Mapping) else {f"{prefix}{key}": child}
    return flat


def read_summary(directory: Path) -> dict[str, Any]:
    """summary.json, or nothing where there is none."""
    path = directory / "summary.json"
    return json.loads(path.read_text()) if path.exists() else {}


def write_summary(directory: Path, summary: Mapping[str, Any]) -> None:
    """Writes summary.json by rename."""
    part = directory / ".summary.json.part"
    part.write_text(json.dumps(summary, indent=2, allow_nan=False) + "\n")
    part.replace(directory / "summary.json")
