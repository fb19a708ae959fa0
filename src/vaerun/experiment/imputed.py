"""The missing values of a run's own data, filled in, and compared with the truth where they were hidden on purpose."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vaerun.data.base import Dataset, Source, SplitName
from vaerun.encoding.encode import Places, Texts
from vaerun.errors import UserError
from vaerun.evaluation.imputation import Imputation, impute, without_noise
from vaerun.execution.random_state import isolated
from vaerun.experiment.load import configuration
from vaerun.experiment.make import make
from vaerun.experiment.new_data import read_new
from vaerun.experiment.new_path import is_path, path_in
from vaerun.experiment.run import Run, noise_widths

SPLITS: Sequence[SplitName] = ("train", "valid", "test")


class Points(NamedTuple):
    """Points of a data set, in the order of their source."""

    x: Tensor  # nan where a value is missing, Float[Tensor, "N X+C"]
    values: Tensor  # x without what the model conditions on, Float[Tensor, "N X"]
    row: Tensor  # of each point in its source, or in its split if it has no source, Int[Tensor, "N"]
    texts: Mapping[str, np.ndarray]  # the split of each point, and its name if the source has names


class Score(NamedTuple):
    """How near imputations are to values that were hidden on purpose."""

    num_values: int  # that were hidden
    rmse: float  # root of the mean squared error
    rmse_of_means: float  # that of the mean of each coordinate over the training points, for comparison
    log_score: float | None  # mean log p(x_j given x_o) at the hidden x_j in nats; None if it is not a density of x_j


def points_of(data: Dataset, split: str) -> Points:
    """The points of one split, or of all, in the order of their source.

    Args:
        data: the three splits.
        split: train, valid, test, new, or all.
    """
    chosen: Sequence[SplitName] = SPLITS if split == "all" else [name for name in (*SPLITS, "new") if name == split]
    places = Places(data, chosen)
    x = torch.cat([data.split(name).points() for name in chosen])[places.order.to(data.train.x.device)]
    texts = Texts(data, places).at(slice(None))
    texts.pop("label", None)
    return Points(x, x[:, : data.data_dim], places.row, texts)


def imputed(
    run: Run, data: Dataset, split: str, *, num_samples: int, seed: int, measured: Dataset | None
) -> tuple[Points, Imputation]:
    """The points of a split with their missing values filled in, in the units of the source.

    Args:
        run: the run.
        data: its data, or new points.
        split: train, valid, test, new, or all.
        num_samples: K.
        seed: of the samples.
        measured: the same data as they were measured, of ``as_measured``.

    Raises:
        UserError: no value of the data is missing.
    """
    if not run.data_info.missing:
        raise UserError(
            f"{run.directory} was trained on data without missing values, so there is nothing to impute: train a run "
            "on data with missing values, such as data.missing=nan or data.hide=0.5."
        )
    points = points_of(data, split)
    known = None if measured is None else points_of(measured, split).values.to(points.x)
    widths = noise_widths(run.data_info).to(points.x)
    noisy = bool(widths.any())
    with isolated(seed, run.device):
        truth = None if known is None or noisy else known.nan_to_num(0.0)
        found = impute(run.strategy, points.x, num_samples=num_samples, truth=truth)
    if noisy and known is not None:
        missing = points.values.isnan()
        found = without_noise(found, missing, widths)
        found = found._replace(x=torch.where(missing, found.x, known))
        points = points._replace(values=known.masked_fill(missing, math.nan))
    return points, found


def as_measured(run: Run, data: Dataset, overrides: Sequence[str]) -> Dataset | None:
    """The data without what was done to them on purpose: values that ``data.hide`` hides, noise of ``data.dequantise``.

    Args:
        run: the run.
        data: its data, or new points of the file that the overrides name.
        overrides: the location of the data, as ``load`` takes it.

    Returns:
        The same points in the same order; None if nothing was done to them.
    """
    noisy = bool(noise_widths(run.data_info).any())
    if data.new is not None:
        path = path_in(overrides)
        if not noisy or path is None:
            return None
        config = configuration(run.directory, [word for word in overrides if not is_path(word)])
        return read_new(config, run.data_info, path, noise=False).to(run.device)
    node = configuration(run.directory, overrides)["data"]
    if not noisy and not node.get("hide"):
        return None
    undone = {"hide": 0.0, "dequantise": False}
    source: Source = make({**node, **{key: value for key, value in undone.items() if key in node}}, {}, group="data")
    return source.load().to(run.device)


def score(run: Run, points: Points, found: Imputation, truth: Dataset, split: str) -> Score | None:
    """Compares imputations with hidden values; None if none is known, as for values that are drawn at each visit.

    Args:
        run: the run.
        points: of the split.
        found: their imputations.
        truth: the data as they were measured.
        split: its name.
    """
    known, values = points_of(truth, split).values.to(points.x), points.values
    hidden = values.isnan() & ~known.isnan()
    seen = ~values.isnan()
    if not bool(hidden.any()) or not torch.equal(known[seen], values[seen]):
        return None
    means = (run.data.mean().to(known) - noise_widths(run.data_info).to(known) / 2).expand_as(known)
    rmse, rmse_of_means = (float((guess - known)[hidden].square().mean().sqrt()) for guess in (found.x, means))
    normalised = run.strategy.bound.model.is_density and found.log_score is not None
    log_score = float(found.log_score[hidden].mean()) if normalised and found.log_score is not None else None
    return Score(int(hidden.sum()), rmse, rmse_of_means, log_score)
