"""Points that a run was not trained with: read from a file, with their values treated as in its training."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaerun.config.legality import FITS, SETS
from vaerun.data.arrays import Arrays
from vaerun.data.base import DataInfo, Dataset, Source
from vaerun.data.missing import Marker
from vaerun.errors import UserError
from vaerun.experiment.make import make

if TYPE_CHECKING:
    from vaerun.experiment.run import Run


def read_new(config: Mapping[str, Any], info: DataInfo, path: Path | str, *, noise: bool = True) -> Dataset:
    """All points of a file as the split ``new``. Nothing of the training data is read.

    The file is read by the source of the run. A source without a file of its own, such as digits, takes new points from
    an npz, npy or IDX file; if the model conditions on y, from an npz file whose array y has the class of each point.

    Args:
        config: of the run, plain values.
        info: what the run has recorded about its training data.
        path: of the file.
        noise: whether the noise of ``data.dequantise`` is added, as in the training.

    Raises:
        UserError: the file cannot be used, or its points are not like those that the run was trained with.
    """
    node = config["data"]
    columns = info.columns
    if not noise:
        node = {**node, **({"dequantise": False} if "dequantise" in node else {})}
        columns = tuple(column._replace(width=0.0) for column in columns)
    source: Source
    if "path" in node:
        # Values that data.hide has hidden are missing for the model, too: new points may have nan.
        absent = {"missing": "nan"} if info.missing and "missing" in node and node["missing"] is None else {}
        source = make({**node, **absent, "path": str(path)}, {}, group="data")
    else:
        given = node.get("missing")
        # Values can be hidden in data that have no marker of missing ones.
        marker: Marker = "nan" if info.missing and given is None else given
        source = Arrays(
            path=str(path),
            binarize=info.binarize,
            binarize_seed=node.get("binarize_seed", 0),
            missing=marker,
            label="y" if info.given else None,
            condition="y" if info.given else None,
        )
    new = source.load_new({**info.treatment, "columns": columns, "covariates": info.covariates})
    refuse_other_kind(new, info, path)
    return new


def refuse_other_kind(new: Dataset, info: DataInfo, path: Path | str) -> None:
    """Refuses points that the model of a run has no density for.

    Raises:
        UserError: their shape, their values or what the model conditions on differs from the training data.
    """
    if tuple(new.shape) != tuple(info.shape):
        raise UserError(
            f"the points of {path} must have the shape {list(info.shape)}, as in the training data {info.name}, got "
            f"{list(new.shape)}: give a file with points of that shape."
        )
    if new.support not in FITS[info.support]:
        raise UserError(
            f"the values of {path} must be in {SETS[info.support]}, as in the training data {info.name}, got values in "
            f"{SETS[new.support]}: scale or binarise them in the same way."
        )
    if new.given != tuple(info.given):
        raise UserError(
            f"{path} must give {', '.join(info.given) or 'nothing'} for each point, as the training data {info.name}, "
            f"got {', '.join(new.given) or 'nothing'}: give a file with the same columns."
        )
    if new.missing and not info.missing:
        raise UserError(
            f"{path} has missing values, but the run was trained on complete points: fill them in, or train a run on "
            "data with missing values."
        )


def chosen(run: "Run", path: str | None, split: str | None) -> Dataset:
    """The data of a run; or the points of another file, where ``data.path`` names one.

    Args:
        run: a trained run.
        path: the value of ``data.path``; None if it is not given.
        split: the split that is asked for by name; None if none is.

    Raises:
        UserError: no file is given for the split ``new``; or the data cannot be read.
    """
    if split == "new":
        if path is None:
            raise UserError("the split new has points that the run was not trained with: give data.path=FILE.")
        return run.read(path)
    if path is None:
        return run.data
    try:
        return run.data  # the training data in another place
    except UserError as error:
        if split is not None:
            said = str(error).rpartition(": ")[0]
            raise UserError(
                f"{said}: leave data.path out, or choose the split new, which is all points of that file."
            ) from error
    return run.read(path)
