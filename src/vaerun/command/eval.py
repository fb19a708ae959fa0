"""Evaluate trained runs.

For every run it prints the metrics of one evaluation; bounds are in nats per data point:
  evaluation=bound            the ELBO and the importance-weighted bound, each with its standard error (default)
  evaluation=marginal         the importance-weighted bound at a large K, with diagnostics of K
  evaluation=ais              log p(x) by annealed importance sampling; evaluation.simulate=true adds an upper bound
  evaluation=gap              the approximation gap and the amortization gap (Cremer et al. 2018)
  evaluation=cross            every run's θ with φ found by every inference method
  evaluation=latent           active units, KL per dimension, mutual information, posterior collapse
  evaluation=gradient         variance, signal-to-noise ratio and bias of gradient estimators
  evaluation.split=test       or train, valid; or new for all points of data.path
  evaluation.num_samples=100  K
  evaluation.points=1000      number of data points, evenly spread over the split
  execution.device=auto       where to compute: auto, cpu or cuda; execution.threads=N
  execution.devices=1         processes that divide the points, each with its own device or cores
  data.root=FOLDER            the location of the data on this machine
  data.path=FILE              the same; if FILE holds other points, all of them are evaluated, as the split new

Bounds are computed with samples of q itself and KL weight 1, whatever objective was trained. Each result is printed
and then appended as a line to RUN_DIR/evaluations.jsonl; values per point and images go into a new folder in
RUN_DIR/evaluations. With --out FOLDER they go there; vaerun compare reads those in RUN_DIR only. For several runs, a
table with one row per run follows. If RUN_DIR is the directory of a sweep, all its runs are evaluated.

Examples:
  vaerun eval runs/2026-11-22/* evaluation=marginal evaluation.num_samples=5000
  vaerun eval RUN_DIR evaluation=ais evaluation.simulate=true evaluation.temperatures=1000
  vaerun eval RUN_DIR evaluation=gap evaluation.family=full_gaussian
  vaerun eval RUN_DIR evaluation.split=valid --checkpoint last --json
  vaerun eval RUN_DIR data.path=new.npz
"""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaerun.command.parser import parse
from vaerun.command.trained import open_folder, runs_and_settings
from vaerun.errors import RunError, UserError, counted
from vaerun.experiment.directory import FREE, read_config
from vaerun.experiment.integrity import with_checksum
from vaerun.metric.metric import error_of, find, is_error, read, write
from vaerun.system import files
from vaerun.system.fault import fault_of
from vaerun.system.files import UnsafeFileError
from vaerun.system.output import printable
from vaerun.system.whole_file import append_line

if TYPE_CHECKING:
    from vaerun.evaluation.base import EvaluationResult

GROUPS = ("evaluation",)


def main(argv: list[str]) -> int:
    """Evaluates all given runs; returns the exit code.

    Raises:
        UserError: an argument is wrong, or a run cannot be evaluated in this way.
        RunError: the results of a run cannot be stored.
    """
    given = parse("eval", argv)
    runs, settings = runs_and_settings("eval", given.words, GROUPS)
    # All checks that do not need torch come before it is imported.
    from vaerun.config import hydra
    from vaerun.config.check import check

    moved = [word for word in settings if word.partition("=")[0] in FREE]
    chosen, choices = hydra.compose([word for word in settings if word not in moved])
    asked = [word for word in settings if word.lstrip("+").startswith("evaluation.split=")]
    check(chosen, choices, hydra.roots())
    for run in runs:
        read_config(run)
    out = None if given.out is None else open_folder(Path(given.out))
    results = []
    left_out: list[Path] = []
    lost: list[UserError | RunError] = []  # one for each run whose results are not stored; they are still shown
    for run in runs:
        try:
            result, computed = evaluate(run, chosen.evaluation, moved, given.checkpoint, by_name=bool(asked))
        except UserError as error:
            if len(runs) == 1:
                raise
            print(f"vaerun: {printable(str(run))} is left out: {printable(str(error))}", file=sys.stderr)
            left_out.append(run)
            continue
        if not given.json:
            print(printable(table(result)), flush=True)  # before it is stored, which may fail
        warn_of_overflow(result)
        try:
            store(result, computed, run if out is None else out)
        except UnsafeFileError as error:
            lost.append(error)
        except OSError as error:
            what = fault.what if (fault := fault_of(error)) else str(error)
            lost.append(RunError(f"{what}; the results of {run} are not stored: choose another folder with --out."))
        results.append(result)
    if given.json:
        print(json.dumps(list(map(strict, results)), indent=2, allow_nan=False))
    elif len(results) > 1:
        print(f"\n{printable(together(results))}")
    for earlier in lost[:-1]:
        print(f"vaerun: {printable(str(earlier))}", file=sys.stderr)
    if lost:
        raise lost[-1]
    if left_out:
        raise UserError(
            f"{len(left_out)} of {counted(len(runs), 'run')} could not be evaluated, for the reasons above; the "
            f"results of the others are stored: correct these runs, or leave them out of the command."
        )
    return 0


def evaluate(
    run: Path, evaluation: Any, moved: Sequence[str], checkpoint: str, *, by_name: bool = False
) -> tuple[dict[str, Any], "EvaluationResult"]:
    """The metrics of one run, their meanings, and the data that they are computed from; and the result itself.

    Args:
        run: its directory.
        evaluation: its node.
        moved: words that set where the data are, and how to compute.
        checkpoint: of the run.
        by_name: whether the user has named a split.
    """
    from omegaconf import OmegaConf

    from vaerun.experiment import evaluate as several

    node = OmegaConf.to_container(evaluation, resolve=True)
    assert isinstance(node, dict)
    asked = node.get("split") if by_name else None
    data, step, computed = several.evaluate(run, node, checkpoint=checkpoint, overrides=moved, split=asked)
    if data.new is not None:
        node["split"] = "new"
    result = {
        "run": str(run),
        "checkpoint": checkpoint,
        "step": step,
        "evaluation": node,
        "data": {
            "name": data.name,
            "binarize": data.binarize,
            "points": computed.num_points,
            "sha256": data.sha256,
            **({} if data.new is None else {"new": True}),
        },
        "metrics": dict(computed.metrics),
        "about": write(computed.declared),
    }
    return result, computed


def strict(result: dict[str, Any]) -> dict[str, Any]:
    """The result with null for every metric that is not finite, because strict JSON has no other form for it."""
    metrics = {tag: value if math.isfinite(value) else None for tag, value in result["metrics"].items()}
    return {**result, "metrics": metrics}


def warn_of_overflow(result: dict[str, Any]) -> None:
    """Warns of bounds that are not finite: the values are too large for float32, and say nothing about the model."""
    if tags := [tag for tag, value in result["metrics"].items() if not math.isfinite(value)]:
        print(
            f"vaerun: {', '.join(tags)} of {result['run']} are not finite in float32, and are stored as null: check "
            f"that the points have the scale of the training data.",
            file=sys.stderr,
        )


def store(result: dict[str, Any], computed: "EvaluationResult", home: Path) -> None:
    """Writes a result into a folder, and adds the path of its values per point to it."""
    home.mkdir(parents=True, exist_ok=True)
    if computed.points or computed.pictures:
        result["points"] = str(keep(home, computed).relative_to(home))
    append_line(home / "evaluations.jsonl", json.dumps(with_checksum(strict(result)), allow_nan=False))


def keep(place: Path, computed: "EvaluationResult") -> Path:
    """Writes the values per point and the images into a new folder; returns the folder."""
    from vaerun.data.npz import pack
    from vaerun.image.grid import save, save_png

    home = files.folder(place / "evaluations")
    taken = [int(path.name) for path in home.iterdir() if path.name.isdecimal()]
    folder = home / f"{max(taken, default=0) + 1:03d}"
    folder.mkdir()
    arrays: dict[str, Any] = {name: value.cpu().numpy() for name, value in computed.points.items()}
    if arrays:
        save(folder / "points.npz", pack(arrays))
    for tag, picture in computed.pictures.items():
        save_png(folder / f"{tag.replace('/', '_')}.png", picture)
    return folder


def table(result: dict[str, Any]) -> str:
    """The metrics of one run as aligned text, each with its meaning."""
    from vaerun.experiment.summary import named

    metrics, declared = result["metrics"], read(result["about"])
    data = result["data"]
    lines = [f"{result['run']}  ({result['checkpoint']}.pt, step {result['step']})"]
    which = " that the run was not trained with" if data.get("new") else ""
    source = f"{named(data['name'], data['binarize'])}, {counted(data['points'], 'point')}{which}"
    if metrics and all(tag.endswith("/simulated") for tag in metrics):
        source = f"{counted(data['points'], 'point')} that the model draws"
    lines += [f"  {source}"]
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
