"""What an evaluation is, and what it finds."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import numpy as np
from torch import Tensor

from vaerun.data.base import Dataset
from vaerun.notation import NOTHING
from vaerun.strategy.base import Strategy

NO_PICTURES: Mapping[str, np.ndarray] = MappingProxyType({})


class EvaluationResult(NamedTuple):
    """What an evaluation has found."""

    metrics: Mapping[str, float]  # by tag, finite, in nats per datum where it is a bound
    points: Mapping[str, Tensor] = NOTHING  # by quantity, each [N]: what the figures are means of, point by point
    pictures: Mapping[str, np.ndarray] = NO_PICTURES  # by tag, uint8 [H, W] or [H, W, 3]
    num_points: int = 0  # that the metrics are means over; set by whoever knows the data


OWN = "own"  # the run's own part, where an evaluation takes parts of other groups


class Named(NamedTuple):
    """A part of another group that an evaluation takes, and the words that it was chosen with."""

    words: str
    part: Any


class Evaluation(ABC):
    """(strategy, data) ↦ metrics of one split, by tag."""

    takes: ClassVar[Mapping[str, str]] = {}  # keys whose words name options of other groups: key to group

    @abstractmethod
    def num_points(self, data: Dataset) -> int:
        """How many points the figures are means over."""

    @abstractmethod
    def __call__(self, strategy: Strategy, data: Dataset) -> EvaluationResult:
        """Finds them at the weights and rows in force, and changes none. Draws from torch's global generator."""
