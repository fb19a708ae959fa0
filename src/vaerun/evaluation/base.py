"""What an evaluation is, and what it finds."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from torch import Tensor

from vaerun.data.base import Dataset
from vaerun.notation import NOTHING
from vaerun.strategy.base import Strategy

NO_PICTURES: Mapping[str, np.ndarray] = MappingProxyType({})


class Findings(NamedTuple):
    """What an evaluation has found."""

    figures: Mapping[str, float]  # by tag, finite, in nats per datum where it is a bound
    points: Mapping[str, Tensor] = NOTHING  # by quantity, each [N]: what the figures are means of, point by point
    pictures: Mapping[str, np.ndarray] = NO_PICTURES  # by tag, uint8 [H, W] or [H, W, 3]


class Evaluation(ABC):
    """Figures about a trained strategy on one split, by tag."""

    @abstractmethod
    def num_points(self, data: Dataset) -> int:
        """How many points the figures are means over."""

    @abstractmethod
    def __call__(self, strategy: Strategy, data: Dataset) -> Findings:
        """Finds them at the weights and rows in force, and changes none. Draws from torch's global generator."""
