"""Evaluate trained runs.

For every run it prints the metrics of one evaluation; bounds are in nats per data point:
  evaluation=bound            the ELBO and the importance-weighted bound, each with its standard error (default)
  evaluation=marginal         the importance-weighted bound at a large K, with diagnostics of K
  evaluation=ais              log p(x) by annealed importance sampling; evaluation.simulate=true adds an upper bound
  evaluation=gap              the approximation gap and the amortization gap (Cremer et al. 2018)
  evaluation=cross            every run's θ with φ found by every inference method
  evaluation=latent           active units, KL per dimension, mutual information, posterior collapse
  evaluation=gradient         variance, signal-to-noise ratio and bias of gradient estimators
  evaluation.split=test       or train, valid
  evaluation.num_samples=100  K
  evaluation.points=1000      number of data points, evenly spread over the split
  execution.device=auto       where to compute: auto, cpu or cuda; execution.threads=N
  execution.devices=1         processes that divide the points, each with its own device or cores
  data.root=FOLDER            the location of the data on this machine; data.path=FILE

Bounds are computed with samples of q itself and KL weight 1, whatever objective was trained. Each result is appended
as a line to RUN_DIR/evaluations.jsonl; values per point and images go into a new folder in RUN_DIR/evaluations. For
several runs, a table with one row per run follows. If RUN_DIR is the directory of a sweep, all its runs are evaluated.

Examples:
  vaerun eval runs/2026-11-22/* evaluation=marginal evaluation.num_samples=5000
  vaerun eval RUN_DIR evaluation=ais evaluation.simulate=true evaluation.temperatures=1000
  vaerun eval RUN_DIR evaluation=gap evaluation.family=full_gaussian
  vaerun eval RUN_DIR evaluation.split=valid --checkpoint last --json
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaerun.command.parser import parse
from vaerun.command.trained import runs_and_settings
from vaerun.experiment.directory import FREE, read_config
from vaerun.metric.metric import error_of, find, is_error, read, write

if TYPE_CHECKING:
    from vaerun.evaluation.base import EvaluationResult

GROUPS = ("evaluation",)


def main(argv: list[str]) -> int:
    """Evaluates all given runs; returns the exit code.

    Raises:
        UserError: an argument is wrong, or a run cannot be evaluated in this way.
    """
    given = parse("eval", argv)
    runs, settings = runs_and_settings("eval", given.words, GROUPS)
    # All checks that do not need torch come before it is imported.
    from vaerun.config import hydra
    from vaerun.config.check import check

    moved = [word for word in settings if word.partition("=")[0] in FREE]
    chosen, choices = hydra.compose([word for word in settings if word not in moved])
    check(chosen, choices, hydra.roots())
    configs = {run: read_config(run) for run in runs}
    results = []
    for run, cfg in configs.items():
        results.append(evaluate(run, cfg, chosen.evaluation, moved, given.checkpoint))
        if not given.json:
            print(table(results[-1]), flush=True)
    if given.json:
        print(json.dumps(results, indent=2, allow_nan=False))
    elif len(results) > 1:
        print(f"\n{together(results)}")
    return 0


def evaluate(run: Path, cfg: Any, evaluation: Any, moved: Sequence[str], checkpoint: str) -> dict[str, Any]:
    """The metrics of one run, their meanings, and the data that they are computed from."""
    from omegaconf import OmegaConf

    from vaerun.experiment import evaluate as several

    node = OmegaConf.to_container(evaluation, resolve=True)
    opened, computed = several.evaluate(run, node, checkpoint=checkpoint, overrides=moved)
    data = opened.data
    result = {
        "run": str(run),
        "checkpoint": checkpoint,
        "step": opened.step,
        "evaluation": node,
        "data": {
            "name": data.name,
            "binarize": data.binarize,
            "points": computed.num_points,
            "sha256": data.sha256,
        },
        "metrics": dict(computed.metrics),
        "about": write(computed.declared),
    }
    if computed.points:
        result["points"] = str(keep(run, computed).relative_to(run))
    with (run / "evaluations.jsonl").open("a") as file:
        file.write(json.dumps(result, allow_nan=False) + "\n")
    return result


def keep(run: Path, computed: "EvaluationResult") -> Path:
    """Writes the values per point and the images into a new folder of the run; returns the folder."""
    import numpy as np

    from vaerun.image.grid import save_png

    home = run / "evaluations"
    home.mkdir(exist_ok=True)
    taken = [int(path.name) for path in home.iterdir() if path.name.isdigit()]
    folder = home / f"{max(taken, default=0) + 1:03d}"
    folder.mkdir()
    arrays: dict[str, Any] = {name: value.cpu().numpy() for name, value in computed.points.items()}
    np.savez_compressed(folder / "points.npz", **arrays)
    for tag, picture in computed.pictures.items():
        save_png(folder / f"{tag.replace('/', '_')}.png", picture)
    return folder


def table(result: dict[str, Any]) -> str:
    """The metrics of one run as aligned text, each with its meaning."""
    metrics, declared = result["metrics"], read(result["about"])
    data = result["data"]
    lines = [f"{result['run']}  ({result['checkpoint']}.pt, step {result['step']})"]
    lines += [f"  {data['name']} ({data['binarize']}), {data['points']:,} points"]
    shown = {tag: written(metrics, tag) for tag in metrics if not is_error(tag)}
    width, wide = (max(map(len, column), default=0) for column in (shown, shown.values()))
    lines += [f"  {tag:{width}} {value:{wide}}  {find(declared, tag).meaning}" for tag, value in shown.items()]
    return "\n".join(lines)


def together(results: Sequence[dict[str, Any]]) -> str:
    """A table with one row per run, and a column for each metric with a standard error; the name comes last."""
    tags = list(dict.fromkeys(tag for one in results for tag in one["metrics"] if error_of(tag) in one["metrics"]))
    splits = {tag.partition("/")[2] for tag in tags}
    rows = [[tag.partition("/")[0] for tag in tags] if len(splits) == 1 else tags]
    for one in results:
        metrics = one["metrics"]
        rows.append([written(metrics, tag).strip() if error_of(tag) in metrics else "" for tag in tags])
    names = [Path(one["run"]).name for one in results]
    if len(set(names)) < len(names):
        names = [one["run"] for one in results]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([*map(str.rjust, row, widths), name]).rstrip() for row, name in zip(rows, ["", *names], strict=True)
    ]
    if len({one["data"]["sha256"] for one in results}) > 1:
        lines.append("The runs use different data, so rows cannot be compared.")
    return "\n".join([f"{' and '.join(sorted(splits))}, mean ± standard error over points", *lines])


def written(metrics: Mapping[str, float], tag: str) -> str:
    """A value, with its standard error if there is one; whole numbers have no decimals."""
    value, error = metrics[tag], metrics.get(error_of(tag))
    if error is None and value.is_integer():
        return f"{value:10,.0f}"
    return f"{value:10.3f}" + (f" ± {error:.3f}" if error is not None else "")
