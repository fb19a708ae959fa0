"""Collects the metrics of an evaluation."""

import math
from collections.abc import Mapping
from typing import final

import numpy as np
from torch import Tensor

from vaerun.evaluation.base import NO_PICTURES, EvaluationResult
from vaerun.evaluation.fraction import fraction_error
from vaerun.metric.metric import Metric
from vaerun.notation import NOTHING


@final
class Results:
    """mean_i f(x_i) with its standard error s/√N, and other numbers, by tag ``quantity/split``.

        results = Results("test")
        results.add_mean(SURPRISE, values)
        return results.result()

    Args:
        split: the part of a tag after the slash, unless a call gives another one.
    """

    def __init__(self, split: str) -> None:
        self.split = split
        self.metrics: dict[str, float] = {}
        self.declared: dict[str, Metric] = {}

    def add(self, metric: Metric, value: float, *, of: str | None = None) -> None:
        """One number.

        Args:
            metric: its declaration.
            value: finite.
            of: the part of the tag after the slash, if it is not the split.
        """
        self.declared[metric.name] = metric
        self.metrics[f"{metric.name}/{self.split if of is None else of}"] = value

    def add_mean(self, metric: Metric, values: Tensor) -> None:
        """The mean of the points' values, and as ``NAME_se`` its standard error s/√N if there are two points or more.

        Args:
            metric: the declaration of the mean.
            values: of every point, Float[Tensor, "N"].
        """
        values = values.double()
        self.add(metric, float(values.mean()))
        if len(values) > 1:
            self._add_error(metric, values.std() / math.sqrt(len(values)))

    def add_fraction(self, metric: Metric, values: Tensor) -> None:
        """The mean of values from 0 to 1, and its standard error, which is not 0 where all of them are 0 or 1.

        Args:
            metric: the declaration of the fraction.
            values: of every point, Float[Tensor, "N"].
        """
        self.add(metric, float(values.double().mean()))
        self._add_error(metric, fraction_error(values))

    def _add_error(self, metric: Metric, error: Tensor) -> None:
        self.metrics[f"{metric.error().name}/{self.split}"] = float(error)

    def result(
        self, points: Mapping[str, Tensor] = NOTHING, pictures: Mapping[str, np.ndarray] = NO_PICTURES
    ) -> EvaluationResult:
        """The collected metrics as a result.

        Args:
            points: by quantity, values of every point, each [N].
            pictures: by tag, uint8 [H, W] or [H, W, 3].
        """
        return EvaluationResult(self.metrics, points, pictures, declared=self.declared)
