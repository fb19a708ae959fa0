"""What a search maximises or minimises: metrics of the validation points, and costs."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from vaerun.errors import UserError, close_match
from vaerun.metric.metric import Metric

COSTS = (
    *("train_seconds", "seconds", "compile_seconds", "decoder_evaluations", "encoder_evaluations"),
    *("steps", "epochs", "peak_memory_bytes"),
)
"""Fields of a run's summary; lower is better."""

CHOSEN_BY = ("elbo/valid", "pseudo_elbo/valid")  # the bound that chooses the best checkpoint
DECLARING = ("bound.monte_carlo", "evaluation.gap_metrics", "evaluation.marginal", "evaluation.ais")


@dataclass(frozen=True)
class Objective:
    """A figure of a run, and which way is better.

    Attributes:
        tag: of a metric on the validation points, or a cost.
        better: higher or lower.
    """

    tag: str
    better: str

    def value(self, summary: Mapping[str, Any]) -> float | None:
        """Its value in the summary of a run; None if the run has none that is finite.

        The bound that chooses the checkpoint is that of the best checkpoint; all other values are those of the end.
        """
        metrics = summary.get("metrics") or {}
        value = summary.get(self.tag) if self.tag in COSTS else metrics.get(self.tag)
        if self.tag in CHOSEN_BY and value is not None:
            best = (summary.get("best") or {}).get("valid")
            value = value if best is None else best
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        return float(value) if number else None  # type: ignore[arg-type]

    @property
    def recorded(self) -> bool:
        """Whether training records it, so that a trial can be pruned by it."""
        return self.tag.endswith("/valid")


def read_objectives(tags: Sequence[str], key: str = "hydra.sweeper.objectives") -> list[Objective]:
    """The objectives with these tags, which ``key`` has.

    Raises:
        UserError: a tag is of no known metric, of the test points, or has no better direction.
    """
    if not tags or len(set(tags)) != len(tags):
        raise UserError(f"{key} must be different metrics, at least one, got {list(tags)}.")
    return [_objective(str(tag), key) for tag in tags]


def _objective(tag: str, key: str) -> Objective:
    if tag in COSTS:
        return Objective(tag, "lower")
    if tag in CHOSEN_BY:
        return Objective(tag, "higher")  # without the declarations of all metrics, which import torch
    quantity, _, split = tag.partition("/")
    if split == "test":
        raise UserError(
            f"{key} has {tag}, but values that are chosen on the test points have no honest test "
            f"figure: use {quantity}/valid."
        )
    metrics = _declared()
    better = metrics["elbo"].better if re.fullmatch(r"iwae_\d+", quantity) else ""
    better = metrics[quantity].better if quantity in metrics else better
    if split != "valid" or not better:
        known = [*(f"{name}/valid" for name, metric in metrics.items() if metric.better), *COSTS]
        hint = close_match(tag, known) or f" Use one of {', '.join(known)}."
        raise UserError(f"{key} has {tag}, which is no metric with a better direction.{hint}")
    return Objective(tag, better)


def _declared() -> dict[str, Metric]:
    modules = [import_module(f"vaerun.{name}") for name in DECLARING]
    found = [one for module in modules for one in vars(module).values() if isinstance(one, Metric)]
    bounds = [metric.without_density() for metric in found if metric.name == "elbo"]
    return {metric.name: metric for metric in (*found, *bounds)}
