"""What a likelihood is."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn


class Likelihood(nn.Module, ABC):
    """p(x given outputs of the decoder), independent over the X coordinates of x.

    Args:
        data_dim: X.
        data_std: spread of the data over all its coordinates, where a scale can start.
    """

    data_support: ClassVar[str]  # what x may be: "binary" {0, 1}, "unit" [0, 1] or "real"
    normalized: ClassVar[bool]  # whether it is a density (or mass function) over that x
    levels: int | None = None  # how many values, evenly spread over [0, 1], a coordinate takes; None: a continuum

    def __init__(self, *, data_dim: int, data_std: float = 1.0) -> None:
        super().__init__()
        self.data_dim = data_dim
        self.data_std = data_std

    @property
    @abstractmethod
    def num_outputs(self) -> int:
        """O, how many numbers the decoder gives for one x."""

    @abstractmethod
    def initial_outputs(self, data_mean: Tensor) -> Tensor:
        """The outputs at which E[x] is the data's mean: Float[Tensor, "X"] ↦ Float[Tensor, "O"]."""

    @abstractmethod
    def log_prob(self, x: Tensor, outputs: Tensor) -> Tensor:
        """log p(x given outputs) in nats: Float[Tensor, "B X"], Float[Tensor, "K B O"] ↦ Float[Tensor, "K B"]."""

    @abstractmethod
    def mean(self, outputs: Tensor) -> Tensor:
        """E[x given outputs]: Float[Tensor, "*K B O"] ↦ Float[Tensor, "*K B X"]."""

    @abstractmethod
    def sample(self, outputs: Tensor) -> Tensor:
        """x ~ p(x given outputs), without gradient, shapes as ``mean``."""
