"""The jobs of a sweep: their configurations, composed once, and what distinguishes them."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from vaerun.config.defaults import flatten
from vaerun.errors import UserError
from vaerun.experiment.directory import FILES, FREE, is_free

SWEPT = "{swept}"  # in hydra.sweep.subdir: the swept keys that the name does not show otherwise
SHOWN = ("strategy", "estimator", "posterior", "objective", "data", "seed")  # shown by the default hydra.sweep.subdir
LONGEST = 120  # characters of {swept}; a file name has at most 255 bytes
OWN = ("hydra", "choices", "resume")  # keys of a configuration that do not change its run


@dataclass(frozen=True)
class Job:
    """One job of a sweep.

    Attributes:
        overrides: as Hydra's sweeper made them.
        config: the composed configuration, with the hydra node.
        label: the overrides in which it differs from the other jobs.
        swept: the same as a part of a file name, without what the name shows otherwise.
        directory: the run directory; empty until it is known.
    """

    overrides: tuple[str, ...]
    config: DictConfig
    label: str = ""
    swept: str = ""
    directory: Path = Path()

    @property
    def name(self) -> str:
        """The name of the run directory within the sweep."""
        return self.directory.name

    def preferred_name(self, number: int) -> str:
        """The name of its directory if no other run has it: ``hydra.sweep.subdir``.

        Raises:
            UserError: it is not the name of one folder, which the files about the jobs need.
        """
        config = self.config.copy()
        with open_dict(config):
            config.hydra.job.num, config.hydra.job.id = number, str(number)
            config.hydra.sweep.subdir = str(config.hydra.sweep.subdir).replace(SWEPT, self.swept)
        name = str(config.hydra.sweep.subdir)
        if not name or name.startswith(".") or not name.isprintable() or set(name) & set("/\\'"):
            raise UserError(
                f"hydra.sweep.subdir must be the name of one folder, without slashes, quotes and a dot at its start, "
                f"got {name!r}: change it, or leave it out."
            )
        return name

    def free_values(self) -> dict[str, Any]:
        """The values of the keys that may change when a run is resumed, and so do not distinguish runs."""
        free = {key: OmegaConf.select(self.config, key) for key in FREE if key not in FILES}
        return free | {"tracking": f"[{','.join(map(str, self.config.get('tracking') or {}))}]"}

    def fingerprint(self) -> str:
        """Of the run's configuration: two jobs with the same fingerprint are the same run."""
        plain = {key: self.config[key] for key in self.config if key not in OWN}
        return fingerprint(OmegaConf.to_container(OmegaConf.create(plain), resolve=True))  # type: ignore[arg-type]


def fingerprint(config: Mapping[str, Any]) -> str:
    """Of a configuration as plain values; keys that may change when a run is resumed do not count; paths of data do.

    Args:
        config: with or without the keys that do not change the run.
    """
    flat = flatten({key: value for key, value in config.items() if key not in OWN})
    kept = {key: value for key, value in flat.items() if not is_free(key)}
    for key in FILES:
        if flat.get(key) is not None:
            kept[key] = str(Path(str(flat[key])).expanduser().resolve())
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()


def distinguished(jobs: Sequence[Job]) -> list[Job]:
    """The jobs with labels: the overrides in which each differs from the others; of a single job, all of them."""
    words = [{key_of(word): word for word in job.overrides} for job in jobs]
    keys = list(dict.fromkeys(key for own in words for key in own))
    differing = [key for key in keys if len({own.get(key) for own in words}) > 1] if len(jobs) > 1 else keys
    return [
        replace(job, label=" ".join(own[key] for key in differing if key in own) or "run", swept=_swept(own, differing))
        for job, own in zip(jobs, words, strict=True)
    ]


def labelled(job: Job, keys: Sequence[str], label: str = "") -> Job:
    """The job with a label, and a part of a file name from the overrides of these keys."""
    own = {key_of(word): word for word in job.overrides}
    shown = [key for key in keys if key in own]
    return replace(job, label=label or " ".join(own[key] for key in shown) or "run", swept=_swept(own, shown))


def key_of(word: str) -> str:
    """The key of an override: ``+a.b=1`` has the key ``a.b``."""
    return word.lstrip("+~").partition("=")[0]


def digest(text: str) -> str:
    """Six characters that distinguish texts."""
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def _swept(words: Mapping[str, str], differing: Sequence[str]) -> str:
    """``_learning_rate-0.01_hidden-16-16``: the keys by their last word, if it is unique."""
    parts = []
    last = [_last(key) for key in differing]
    for key in differing:
        if key in SHOWN or key not in words:
            continue
        name = _last(key) if last.count(_last(key)) == 1 else key
        value = words[key].partition("=")[2]
        inner = re.sub(r"^[^\w.+-]+|[^\w.+-]+$", "", value)  # [16,16] without its brackets
        plain = re.sub(r"[^A-Za-z0-9.+_-]+", "-", f"{name}-{inner}")
        parts.append(plain if value.isascii() else f"{plain}-{digest(value)}")
    text = "".join(f"_{part}" for part in parts)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}_{digest(text)}"


def _last(key: str) -> str:
    return re.split(r"[./@]", key)[-1]
