"""Small runs through the whole of vaerun, and what is compared of them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from tests.composition import composed
from vaerun.experiment.fit import fit

TINY = (
    "trainer.epochs=3",
    "trainer.batch_size=200",
    "trainer.records.every=2",
    "trainer.records.images_every=0",
    "evaluation.num_samples=2",
    "model.decoder.hidden=[16]",
    "amortizer.hidden=[16]",
    "model.latent_dim=3",
)
# What two equal runs may differ in; the checksum is of records with their clocks.
CLOCKS = ("seconds", "train_seconds", "compile_seconds", "train_samples_per_second", "records_checksum")


def train(directory: Path, *overrides: str) -> dict[str, Any]:
    """Trains a tiny run in ``directory``, as ``vaerun train`` would, and returns its summary."""
    cfg, choices = composed([*TINY, *overrides])
    return fit(cfg, choices, directory, live=False)


def records(directory: Path) -> list[dict[str, float]]:
    """metrics.jsonl without the clocks."""
    lines = (directory / "metrics.jsonl").read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if key not in CLOCKS} for line in lines]


def summary(directory: Path) -> dict[str, Any]:
    """summary.json."""
    return json.loads((directory / "summary.json").read_text())


def state(directory: Path, name: str = "last") -> dict[str, Any]:
    """A checkpoint."""
    return torch.load(directory / "checkpoints" / f"{name}.pt", weights_only=True)


def equal(a: Any, b: Any) -> bool:
    """Whether two nests of tensors and plain values are the same to the bit."""
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, Mapping):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a if key not in CLOCKS)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b
