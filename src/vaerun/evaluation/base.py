"""An evaluation computes metrics of a strategy on one split of the data."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from vaerun.data.base import Dataset
from vaerun.errors import UserError
from vaerun.execution.random_state import isolated
from vaerun.execution.tiny_numbers import tiny_numbers_are_zero
from vaerun.metric.metric import Metric
from vaerun.notation import NOTHING
from vaerun.strategy.base import Strategy

NO_PICTURES: Mapping[str, np.ndarray] = MappingProxyType({})
UNDECLARED: Mapping[str, Metric] = MappingProxyType({})


class EvaluationResult(NamedTuple):
    """The result of an evaluation: metrics, values for each point, and images."""

    metrics: Mapping[str, float]  # by tag ``quantity/split``, finite; in nats per datum where it is a bound
    points: Mapping[str, Tensor] = NOTHING  # by quantity, each [N]: values for each point; the metric is their mean
    pictures: Mapping[str, np.ndarray] = NO_PICTURES  # by tag, uint8 [H, W] or [H, W, 3]
    num_points: int = 0  # number of points that the metrics are means over
    declared: Mapping[str, Metric] = UNDECLARED  # the metrics by quantity


OWN = "own"  # the run's own part, where an evaluation takes parts of other groups


class Named(NamedTuple):
    """A part of another group that an evaluation uses, and the words that chose it."""

    words: str
    part: Any


class Evaluation(ABC):
    """(strategy, data) ↦ metrics of one split, by tag."""

    takes: ClassVar[Mapping[str, str]] = {}  # keys whose words name options of other groups: key to group

    @abstractmethod
    def num_points(self, data: Dataset) -> int:
        """How many points the metrics are means over."""

    @abstractmethod
    def __call__(self, strategy: Strategy, data: Dataset) -> EvaluationResult:
        """Computes the metrics at the present weights and the stored φ_i, and changes neither.

        Random numbers come from torch's global generator. ``Results`` (in ``results.py``) collects the values.
        """


@contextmanager
def evaluating(strategy: Strategy, seed: int, device: torch.device) -> Iterator[None]:
    """Evaluation mode, the evaluated weights, and the random numbers of ``seed``; at the end, all are as before."""
    training = strategy.training
    with isolated(seed, device), strategy.evaluated_weights(), tiny_numbers_are_zero():
        strategy.eval()
        try:
            yield
        finally:
            strategy.train(training)


def evaluated(evaluation: Evaluation, strategy: Strategy, data: Dataset, seed: int) -> EvaluationResult:
    """The result of an evaluation of a strategy on a data set, with the random numbers of ``seed``."""
    with evaluating(strategy, seed, data.train.x.device):
        result = evaluation(strategy, data)
    if not isinstance(result, EvaluationResult):
        raise UserError(
            f"an evaluation must return an EvaluationResult, such as results.result() of Results, but "
            f"{type(evaluation).__name__} returned {type(result).__name__}."
        )
    return result._replace(num_points=evaluation.num_points(data))
