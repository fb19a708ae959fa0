"""Run directories written by hand, with figures whose comparison is known."""

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from vaerun.bound.monte_carlo import ELBO, KL, LOG_LIKELIHOOD, iwae
from vaerun.evaluation.ais import AIS
from vaerun.evaluation.gap_metrics import (
    AMORTIZATION_GAP,
    APPROXIMATION_GAP,
    INFERENCE_GAP,
    LOG_MARGINAL,
    approximation_gap,
    elbo_optimal,
)
from vaerun.evaluation.gradient import GRADIENT_SNR, GRADIENT_VARIANCE
from vaerun.metric.metric import by_name, write

BOUNDS = (ELBO, *map(iwae, (2, 5, 50, 100, 500, 5000)))
TERMS = (KL, LOG_LIKELIHOOD, AIS, LOG_MARGINAL, elbo_optimal())
GAPS = (APPROXIMATION_GAP, AMORTIZATION_GAP, INFERENCE_GAP, approximation_gap("mixture"))
DECLARED = by_name(
    (*BOUNDS, *(bound.without_density() for bound in BOUNDS), *TERMS, *GAPS, GRADIENT_SNR, GRADIENT_VARIANCE)
)
ABOUT = write(DECLARED)

CONFIG: dict[str, Any] = {
    "seed": 0,
    "data": {"_target_": "vaerun.data.digits.Digits", "binarize": "static"},
    "model": {"_target_": "vaerun.model.vae.VAE", "latent_dim": 20},
    "posterior": {"_target_": "vaerun.posterior.gaussian.Gaussian"},
    "objective": {"_target_": "vaerun.objective.elbo.ELBO", "num_samples": 1},
    "estimator": {"_target_": "vaerun.estimator.reparam.Reparam"},
    "strategy": {"_target_": "vaerun.strategy.amortized.Amortized"},
    "optimizer": {"_target_": "vaerun.optimizer.adam.adam", "learning_rate": 0.001},
    "trainer": {"epochs": 2, "validation": {"points": 1000}},
    "execution": {"device": "cpu", "threads": 1},
    "evaluation": {"split": "test", "num_samples": 100, "points": None},
    "choices": {"strategy": "amortized", "estimator": "reparam", "data": "digits", "objective": "elbo"},
}
DATA = {
    "name": "digits",
    "binarize": "static",
    "split_sizes": {"train": 1297, "valid": 200, "test": 300},
    "sha256": "a" * 64,
}


def config(*, seed: int = 0, strategy: str = "amortized", **keys: Any) -> dict[str, Any]:
    """A configuration; of ``keys``, ``model__latent_dim=5`` sets model.latent_dim."""
    made = copy.deepcopy(CONFIG) | {"seed": seed}
    made["strategy"]["_target_"] = f"vaerun.strategy.{strategy}.{strategy.capitalize()}"
    made["choices"]["strategy"] = strategy
    for key, value in keys.items():
        node, _, name = key.rpartition("__")
        (made[node] if node else made)[name] = value
    return made


def summary(*, seed: int = 0, elbo: float = -27.0, evaluations: int = 1000, **keys: Any) -> dict[str, Any]:
    """What a completed run leaves."""
    return {
        "status": "completed",
        "reason": None,
        "metrics": {"elbo/test": elbo, "elbo_se/test": 0.2, "iwae_100/test": elbo + 0.25, "kl/test": 3.0},
        "about": ABOUT,
        "steps": 100,
        "best": {"step": 90, "valid": elbo},
        "train_seconds": 10.0,
        "train_samples_per_second": 1000.0,
        "decoder_evaluations": evaluations,
        "parameters": {"theta": 300, "lam": 200, "phi": 0},
        "peak_memory_bytes": 500_000_000,
        "device": "cpu",
        "threads": 1,
        "seed": seed,
        "data": copy.deepcopy(DATA),
    } | keys


def records(values: Sequence[float | None], *, every: int = 10, pace: float = 0.1) -> list[dict[str, Any]]:
    """A curve with a validation every ``every`` steps and a record of the training halfway between."""
    made: list[dict[str, Any]] = []
    for place, value in enumerate(values, start=1):
        for step, metrics in (
            (every * place - every // 2, {"elbo/train": -1.0}),
            (every * place, {"elbo/train": -1.0, "elbo/valid": value, "elbo_se/valid": 0.2}),
        ):
            made.append({"step": step, "train_seconds": pace * step, "decoder_evaluations": 100 * step, **metrics})
    return made


def run(
    directory: Path,
    *,
    config: Mapping[str, Any] | None,
    summary: Mapping[str, Any] | None,
    records: Sequence[Mapping[str, Any]] = (),
    evaluations: Sequence[Mapping[str, Any]] = (),
) -> Path:
    """Writes a run directory; None leaves the file out."""
    directory.mkdir(parents=True)
    if config is not None:
        (directory / "config.yaml").write_text(yaml.safe_dump(dict(config), sort_keys=False))
    if summary is not None:
        (directory / "summary.json").write_text(json.dumps(summary))
    if records:
        (directory / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    if evaluations:
        (directory / "evaluations.jsonl").write_text("".join(json.dumps(line) + "\n" for line in evaluations))
    return directory


def seeds(root: Path, strategy: str, elbos: Sequence[float], **keys: Any) -> list[Path]:
    """One completed run per value of the test ELBO."""
    return [
        run(
            root / f"{strategy}_{seed}",
            config=config(seed=seed, strategy=strategy),
            summary=summary(seed=seed, elbo=elbo, **keys),
            records=records([elbo - 1, elbo]),
        )
        for seed, elbo in enumerate(elbos)
    ]


def evaluation(metrics: Mapping[str, float], *, step: int = 90, **keys: Any) -> dict[str, Any]:
    """A line of evaluations.jsonl."""
    return {
        "checkpoint": "best",
        "step": step,
        "evaluation": {"_target_": "vaerun.evaluation.gap.Gap", "split": "test"},
        "data": {"name": "digits", "binarize": "static", "points": 300, "sha256": "a" * 64},
        "metrics": dict(metrics),
        "about": ABOUT,
    } | keys
