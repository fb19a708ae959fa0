"""What is compared of two runs: checkpoints, records and results, without the clock."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import torch

from tests.runs import equal, records


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
