"""What is compared of two runs: checkpoints, records and results, without the clock."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

CLOCKS = ("seconds", "train_seconds", "train_samples_per_second", "records_checksum")


def equal(a: Any, b: Any) -> bool:
    """Whether two nests of tensors and plain values are the same to the bit."""
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, Mapping):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a if key not in CLOCKS)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(equal, a, b))
    return bool(a == b)


def records(run: Path) -> list[dict[str, Any]]:
    """metrics.jsonl without the clocks."""
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if key not in CLOCKS} for line in lines]


def summary(run: Path) -> dict[str, Any]:
    """summary.json; empty if there is none."""
    path = run / "summary.json"
    return json.loads(path.read_text()) if path.exists() else {}


def checkpoint(run: Path, name: str) -> dict[str, Any]:
    """The content of a checkpoint; empty if there is none."""
    path = run / "checkpoints" / f"{name}.pt"
    return torch.load(path, weights_only=True) if path.exists() else {}


def difference(whole: Path, run: Path) -> dict[str, Any]:
    """What differs between a run that was left alone and another: files, repeated records, missing records."""
    expected, found = (Counter(record["step"] for record in records(path)) for path in (whole, run))
    differing = [name for name in ("last", "best") if not equal(checkpoint(whole, name), checkpoint(run, name))]
    if records(whole) != records(run):
        differing.append("metrics.jsonl")
    if not equal(summary(whole)["metrics"], summary(run)["metrics"]):
        differing.append("summary.json")
    return {
        "differing": differing,
        "duplicates": (found - expected).total(),
        "gaps": (expected - found).total(),
        "status": summary(run)["status"],
    }
