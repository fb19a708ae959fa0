"""Fill in the missing values of a trained run's data.

For each missing value it writes the mean of p(missing value given the observed part of the point), and its standard
deviation, by self-normalised importance sampling (Mattei, Frellsen 2019). Observed values stay as they are in the file,
or as they were binarised. For data in {0, 1} the mean is the probability of 1. For a category it is the code of the
likeliest one. Where data.dequantise added noise, the values are those without the noise. An npz file holds these
arrays, with the points in the order of their source:
  x                    the points with their missing values filled in, in the shape of the data
  standard_deviation   of p(x_j given the observed part), 0 where x_j is observed
  missing              whether a value is missing
  effective_samples    of each point, from 1 to K; below 10 the imputations are noisy, and a warning says so
  index, name, split   the row of each point in its file, counted from 0, or its index in the split if there is no such
                       file; its name, if it has one; its split
A csv file holds index, name, split, effective_samples, the values, and their standard deviations. Values have the names
of the columns of a table, and otherwise x0, x1, …; the standard deviation of NAME is NAME_sd. A missing category is
filled in with the likeliest one.

If values were hidden with data.hide, the imputations are compared with them: the root mean squared error (RMSE), that
of the means of the training data for comparison, and the mean of log p(hidden value given the observed part), unless
data.dequantise added noise. Values that data.binarize=dynamic draws at each visit are not compared.

Configuration that can be set: execution.device=auto, execution.threads=N, data.root=FOLDER, data.path=FILE.

Examples:
  vaerun train data.hide=0.5 objective=iwae
  vaerun impute RUN_DIR
  vaerun impute RUN_DIR --split all --samples 5000 --out imputed.csv
"""

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaerun.command.parser import parse
from vaerun.command.trained import open_folder, refuse_taken, runs_and_settings, unwritable
from vaerun.errors import UserError, counted
from vaerun.experiment.directory import read_config
from vaerun.experiment.new_path import path_in
from vaerun.system.output import printable
from vaerun.system.whole_file import replacing

if TYPE_CHECKING:
    from vaerun.data.base import DataInfo
    from vaerun.evaluation.imputation import Imputation
    from vaerun.experiment.imputed import Points
    from vaerun.notation import Column


def main(argv: list[str]) -> int:
    """Imputes the missing values of one run; returns the exit code.

    Raises:
        UserError: an argument is wrong, or the run has no missing values.
    """
    given = parse("impute", argv)
    runs, settings = runs_and_settings("impute", given.words)
    if len(runs) > 1:
        raise UserError(f"vaerun impute takes one run directory, got {len(runs)}: give one of them.")
    (directory,) = runs
    if given.split is None:
        given.split = "test" if path_in(settings) is None else "new"
    path = directory / f"imputed_{given.split}.npz" if given.out is None else Path(given.out)
    if path.suffix not in (".npz", ".csv"):
        raise UserError(f"--out must name an npz or csv file, got {given.out}: write, for example, --out imputed.csv.")
    hides = bool(read_config(directory).get("data", {}).get("hide"))  # before torch is imported
    if given.out is not None:
        refuse_taken(path, path_in(settings), force=given.force)
    open_folder(path.parent)
    from vaerun.experiment.imputed import as_measured, imputed, score
    from vaerun.experiment.load import open_run
    from vaerun.experiment.new_data import chosen

    run = open_run(directory, checkpoint=given.checkpoint, overrides=settings)
    data = chosen(run, path_in(settings), given.split if given.split in ("train", "valid", "test", "new") else None)
    measured = as_measured(run, data, settings) if run.data_info.missing else None
    points, found = imputed(run, data, given.split, num_samples=given.samples, seed=given.seed, measured=measured)
    scored = None if measured is None else score(run, points, found, measured, given.split)
    write(path, points, found, run.data_info)
    result = summary(str(directory), given, points, found) | {"file": str(path)}
    if hides and data.new is None:
        result["hidden"] = None if scored is None else scored._asdict()
    print(json.dumps(result, indent=2, allow_nan=False) if given.json else printable(table(result)), flush=True)
    return 0


def write(path: Path, points: "Points", found: "Imputation", data: "DataInfo") -> None:
    """Writes an npz or csv file.

    Raises:
        UserError: it cannot be written.
    """
    content = as_csv(points, found, data) if path.suffix == ".csv" else as_npz(points, found, data.shape)
    try:
        with replacing(path) as file:
            file.write(content)
    except OSError as error:
        raise unwritable(error, path.parent) from None


def as_npz(points: "Points", found: "Imputation", shape: tuple[int, ...]) -> bytes:
    """The bytes of an npz file."""
    from vaerun.data.npz import pack

    tensors = {"x": found.x, "standard_deviation": found.standard_deviation, "missing": points.values.isnan()}
    arrays = {name: value.cpu().unflatten(-1, shape).numpy() for name, value in tensors.items()}
    effective = found.effective_samples.cpu().numpy()
    return pack({**arrays, "effective_samples": effective, "index": points.row.numpy(), **points.texts})


def as_csv(points: "Points", found: "Imputation", data: "DataInfo") -> bytes:
    """The bytes of a csv file, with one line for each point."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = data.columns or [None] * found.x.shape[1]
    # Columns of vectors have their number as name.
    heads = [f"x{j}" if c is None or c.name == str(j) else c.name for j, c in enumerate(columns)]
    writer.writerow(["index", *points.texts, "effective_samples", *heads, *(f"{head}_sd" for head in heads)])
    for i, effective in enumerate(found.effective_samples.tolist()):
        texts = [column[i] for column in points.texts.values()]
        values = [written(value, column) for value, column in zip(found.x[i].tolist(), columns, strict=True)]
        deviations = [shortest(value) for value in found.standard_deviation[i].tolist()]
        writer.writerow([int(points.row[i]), *texts, f"{effective:.1f}", *values, *deviations])
    return text.getvalue().encode()


def written(value: float, column: "Column | None") -> str:
    """A value of x as in the file of the data: the name of a category, and otherwise a number."""
    if column is not None and column.categories:
        return column.categories[round(value)]
    return shortest(value)


def shortest(value: float) -> str:
    """The decimal number with the fewest digits that float32 rounds to this value, as 14.23 and not 14.2299995."""
    import numpy as np

    return str(np.float32(value)).removesuffix(".0")


def summary(directory: str, given: Any, points: "Points", found: "Imputation") -> dict[str, Any]:
    """What was imputed, for JSON."""
    missing = points.values.isnan()
    effective = found.effective_samples[missing.any(1)]
    result: dict[str, Any] = {
        "run": directory,
        "checkpoint": given.checkpoint,
        "split": given.split,
        "points": len(missing),
        "values": missing.numel(),
        "missing": int(missing.sum()),
        "samples": given.samples,
    }
    if len(effective):
        result["effective_samples"] = {"mean": float(effective.mean()), "smallest": float(effective.min())}
    return result


def table(result: dict[str, Any]) -> str:
    """The same as lines of text."""
    lines = [
        f"{result['run']}  ({result['checkpoint']}.pt)",
        f"  {result['split']}: {counted(result['points'], 'point')}, "
        f"{result['missing']:,} of {counted(result['values'], 'value')} missing",
    ]
    if effective := result.get("effective_samples"):
        lines.append(
            f"  effective samples    {effective['mean']:.1f} of {result['samples']:,} on average, at least "
            f"{effective['smallest']:.1f}"
        )
    if "hidden" in result and result["hidden"] is None:
        lines.append(
            "  hidden values are not compared: there are none in this split, or they are drawn anew at each visit"
        )
    elif hidden := result.get("hidden"):
        lines.append(
            f"  RMSE                 {hidden['rmse']:.4f} at {counted(hidden['num_values'], 'hidden value')}; the "
            f"means of the training data have {hidden['rmse_of_means']:.4f}"
        )
        if hidden["log_score"] is not None:
            meaning = "mean log p(hidden value given the observed part)"
            lines.append(f"  log score            {hidden['log_score']:.4f} nat, {meaning}")
    return "\n".join([*lines, f"  {result['file']}"])
