"""The text of docs/reference/metrics.md, from the metrics that vaerun's modules declare; for scripts/reference.py."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from vaerun.metric.metric import Metric

ROOMS = ("bound", "trainer", "optimizer", "estimator", "strategy", "evaluation")
PLACES = {
    "num_samples": "K",
    "family": "FAMILY",
    "steps": "T",
    "d": "d",
    "percent": 90,
    "name": "mean",
}
"""What stands for an argument in the name of a metric; a metric of another argument ends the script."""

OWN = ("elbo_by", "lost", "scheduled")
"""Functions whose metrics are declared by their results, or are in ``BY_HAND``."""

HEAD = """# Metrics

A metric is named `quantity/split`, such as `elbo/test`. Splits are `train`, `valid`, `test`; `new` for points of a \
file that the run was not trained with; `simulated` for points drawn from the model. In their place, metrics of \
`evaluation=gradient` name the estimator and what is differentiated by: `gradient_variance/disarm_phi`. \
`QUANTITY_se/SPLIT` is the standard error of a mean.

- Bounds are in nats for each data point, summed over its coordinates; higher is better.
- `elbo/*` is always computed with samples of q itself, not of a relaxation, and with KL weight 1, whatever objective \
was trained. If another objective was trained, its value is `objective/train`.
- `elbo/train` is a mean over the steps since the last record, while θ and φ move. `elbo/valid` is computed at one θ.
- Test metrics are those of the checkpoint with the best validation bound.
- If the likelihood is not a density or a probability, such as `model/likelihood=cross_entropy` of grey pixels, \
bounds are named `pseudo_elbo` and so on, and are not bounds.
- If the model conditions on y, or values are missing, the meaning says what is bounded: log p(x given y), or \
log p(the observed part of x). `vaerun eval` prints the meaning of each metric; `about` in `summary.json` holds it.

In the tables, K, T and d are numbers, and FAMILY is the name of a posterior; for the family of the run itself, \
`_FAMILY` is left out.
"""

TITLES = {
    "bound": "The bound",
    "trainer": "Training",
    "optimizer": "Training",
    "estimator": "Training",
    "strategy": "Finding φ",
}

BY_HAND = {
    "Training": "| `kl_weight`, `temperature`, `learning_rate_factor`, … | not a bound: what a schedule sets | | | |",
    "`evaluation=cross`": "| `lost_METHOD` | difference: elbo_coordinate − elbo_METHOD | nat | lower | |",
}
"""Metrics whose names depend on a run."""


def page() -> str:
    """The page."""
    parts: dict[str, list[str]] = {}
    for module in modules():
        room, name = module.__name__.split(".")[1], module.__name__.rpartition(".")[2]
        title = TITLES.get(room, f"`evaluation={name.removesuffix('_metrics').replace('label_accuracy', 'latent')}`")
        rows = [row(metric) for metric in declared(module)]
        parts.setdefault(title, []).extend(rows)
    text = [HEAD]
    for title, rows in parts.items():
        if rows:
            text += [f"## {title}\n", "| metric | meaning | unit | better | bound |", "|---|---|---|---|---|"]
            text += [*rows, *filter(None, [BY_HAND.get(title)]), ""]
    text += ["## Costs\n", costs(), ""]
    return "\n".join([*text, "Written by `scripts/reference.py` from the declarations in the code.\n"])


def modules() -> Iterator[ModuleType]:
    """The modules of the rooms that declare metrics, in the order of the rooms."""
    for room in ROOMS:
        package = importlib.import_module(f"vaerun.{room}")
        for found in sorted(pkgutil.walk_packages(package.__path__, f"{package.__name__}."), key=lambda f: f.name):
            yield importlib.import_module(found.name)


def declared(module: ModuleType) -> Iterator[Metric]:
    """The metrics that a module declares itself: as constants, and as functions of numbers and names."""
    text = Path(module.__file__ or "").read_text(encoding="utf-8")
    for name, value in vars(module).items():
        if isinstance(value, Metric) and f"\n{name} = " in text:
            yield value
        elif inspect.isfunction(value) and value.__module__ == module.__name__ and name not in OWN:
            signature = inspect.signature(value)
            if signature.return_annotation is Metric:
                yield value(*(PLACES[parameter] for parameter in signature.parameters))


def row(metric: Metric) -> str:
    """One row of a table."""
    meaning = metric.meaning.replace("K = K", "at K samples")
    return f"| `{metric.name}` | {meaning} | {metric.unit} | {metric.better} | {metric.bound} |"


def costs() -> str:
    """What every record and summary says of the cost."""
    return """| key | meaning |
|---|---|
| `steps`, `epochs` | optimiser steps of θ and visits of all training points; `step` and `epoch` in `metrics.jsonl` |
| `seconds` | the time of the run, with evaluations |
| `train_seconds` | the time of training steps alone; `compile_seconds` is apart |
| `train_samples_per_second` | data points per second of training steps |
| `decoder_evaluations` | one z decoded for one x: the unit of cost that does not depend on the machine |
| `encoder_evaluations` | one x encoded |
| `parameters` | numbers in θ, λ and Φ |
| `peak_memory_bytes` | of the process on a CPU, of the device on a GPU |"""
