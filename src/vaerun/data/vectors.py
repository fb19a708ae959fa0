"""Vectors [N, X] ↦ the same vectors with a column for each coordinate: standardised in the model, or with noise."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from vaerun.data.assemble import NEW
from vaerun.data.base import Dataset
from vaerun.data.dequantise import dequantised, grid_width, still
from vaerun.data.split import Split, fingerprint
from vaerun.errors import UserError, counted
from vaerun.notation import Column


def with_columns(data: Dataset, *, standardise: bool, dequantise: bool, seed: int) -> Dataset:
    """The data set with real columns 0, 1, …: standardised by the model, and with uniform noise on a grid.

    Args:
        data: vectors that are not binarised.
        standardise: whether the model standardises each coordinate.
        dequantise: whether uniform noise is added to each coordinate whose values lie on a grid, as wide as the grid.
        seed: of the noise of valid and test.

    Raises:
        UserError: the points are images or are binarised, or no coordinate lies on a grid.
    """
    key = "data.standardise" if standardise else "data.dequantise"
    if len(data.shape) != 1 or data.binarize != "none":
        found = f"data.binarize={data.binarize}" if data.binarize != "none" else f"points of shape {list(data.shape)}"
        raise UserError(
            f"{key}=true needs vectors [N, X] that are not binarised, got {found}: use {key}=false"
            f"{', or data.binarize=none' if data.binarize != 'none' else ''}."
        )
    splits, x = [data.train, data.valid, data.test], list[Tensor]()
    widths = [0.0] * data.data_dim
    if dequantise:
        x = [split.values() for split in splits]
        widths = [grid_width(torch.cat([part[:, j] for part in x]).double().numpy()) for j in range(data.data_dim)]
        if not any(widths):
            raise UserError(
                "data.dequantise=true needs a coordinate whose values lie on a grid, but there is none: use "
                "data.dequantise=false."
            )
    low, high, missing = _range(splits)
    mean, std = data.train.mean().double(), data.train.variances().sqrt()
    columns = tuple(
        Column(
            str(j),
            mean=float(mean[j]) + width / 2,
            std=float(std[j]) or 1.0,
            standardised=standardise,
            width=width,
            low=float(low[j]),
            high=float(high[j]),
            missing=int(missing[j]),
        )
        for j, width in enumerate(widths)
    )
    done = [] if data.values == "as they are" else [data.values]
    if standardise:
        done.append("standardised in the model, bounds in nats of the data as given")
    if dequantise:
        noisy = dequantised(x, widths, seed)
        splits = [replace(old, x=new.x, rule=new.rule) for old, new in zip(splits, noisy, strict=True)]
        done.append(f"uniform noise of the width of its grid added to {counted(sum(w > 0 for w in widths), 'column')}")
    train, valid, test = splits
    return replace(
        data,
        train=train,
        valid=valid,
        test=test,
        support="real",
        columns=columns,
        values="; ".join(done),
        sha256=fingerprint(train, valid, test) if dequantise else data.sha256,
        treatment={**data.treatment, **({"widths": widths} if dequantise else {})},
    )


def with_noise(new: Dataset, widths: Any, *, seed: int) -> Dataset:
    """New points with uniform noise as wide as that of the training points, drawn once.

    Args:
        new: a data set of new points alone, the split ``new``.
        widths: of each coordinate, as the run has recorded them.
        seed: of the noise.

    Raises:
        UserError: the run has not recorded the widths.
    """
    if not isinstance(widths, list) or len(widths) != new.data_dim or new.new is None:
        raise UserError(
            "the run has not recorded the noise of its training data (data.dequantise), so new points cannot be "
            "treated in the same way: train it again."
        )
    split = still(new.new.values(), widths, seed=seed, place=NEW)
    return replace(new, train=split, valid=split, test=split, new=split, support="real", sha256=fingerprint(split))


def _range(splits: Sequence[Split]) -> tuple[Tensor, Tensor, Tensor]:
    """The smallest and the largest observed value of each coordinate, and how many are missing, each [X]."""
    width = splits[0].x.shape[1]
    low, high = torch.full((width,), math.inf), torch.full((width,), -math.inf)
    missing = torch.zeros(width, dtype=torch.int64)
    for split in splits:
        for rows in split.chunks():
            x, absent = split.rule(rows), rows.isnan()
            low = torch.minimum(low, x.masked_fill(absent, math.inf).amin(0))
            high = torch.maximum(high, x.masked_fill(absent, -math.inf).amax(0))
            missing += absent.sum(0)
    return low, high, missing
