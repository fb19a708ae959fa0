"""What an evaluation is."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from vaerun.data.base import Dataset
from vaerun.strategy.base import Strategy


class Evaluation(ABC):
    """Figures about a trained strategy on one split, by tag."""

    @abstractmethod
    def num_points(self, data: Dataset) -> int:
        """How many points the figures are means over."""

    @abstractmethod
    def __call__(self, strategy: Strategy, data: Dataset) -> Mapping[str, float]:
        """Tag ↦ value, in nats per datum where it is a bound. Draws from torch's global generator."""
