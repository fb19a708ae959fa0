"""outputs ↦ log μ: the interface of rates."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

UNSEEN = 1e-3  # smallest initial rate, as a fraction of the average over coordinates, since log 0 is −∞


class Rate(nn.Module, ABC):
    """outputs ↦ log μ: the logarithms of the mean counts μ_1, …, μ_X of one point, in any unit of exposure."""

    reads_total: ClassVar[bool]  # whether μ depends on the total of the point

    @property
    @abstractmethod
    def reference(self) -> Tensor | None:
        """The total at which means and samples are computed, Float[Tensor, ""]; None if μ does not depend on it."""

    @abstractmethod
    def total(self, x: Tensor) -> Tensor | None:
        """The totals of points, Float[Tensor, "B X"] ↦ Float[Tensor, "B 1"]; None if μ does not depend on them."""

    @abstractmethod
    def log_rate(self, outputs: Tensor, total: Tensor | None) -> Tensor:
        """log μ at the totals of points: Float[Tensor, "*K B X"], Float[Tensor, "B 1"] ↦ Float[Tensor, "*K B X"].

        Args:
            outputs: of the decoder.
            total: of every point, or one for all; None if μ does not depend on it.
        """

    @abstractmethod
    def initial_outputs(self, rate: Tensor) -> Tensor:
        """The outputs with μ = ``rate`` (at the reference total): Float[Tensor, "X"] ↦ Float[Tensor, "X"]."""


def log_of_means(rate: Tensor) -> Tensor:
    """log of mean counts, where counts that never occur get a small rate, Float[Tensor, "X"]."""
    return rate.clamp(min=UNSEEN * float(rate.mean())).log()
