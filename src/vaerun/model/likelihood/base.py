"""p(x given outputs): the interface of likelihoods."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn


class Likelihood(nn.Module, ABC):
    """p(x given outputs of the decoder), with independent coordinates of x.

    Args:
        data_dim: X.
        data_std: pooled standard deviation of the data, an initial value for scales.
    """

    data_support: ClassVar[str]  # the values of x: "binary" {0, 1}, "unit" [0, 1] or "real"
    normalized: ClassVar[bool]  # whether it is a density (or mass function) over these x
    levels: int | None = None  # number of evenly spaced values in [0, 1] of a coordinate; None if continuous

    def __init__(self, *, data_dim: int, data_std: float = 1.0) -> None:
        super().__init__()
        self.data_dim = data_dim
        self.data_std = data_std

    @property
    @abstractmethod
    def num_outputs(self) -> int:
        """O, the number of decoder outputs for one x."""

    @abstractmethod
    def initial_outputs(self, data_mean: Tensor) -> Tensor:
        """The outputs with E[x given outputs] = the mean of the data: Float[Tensor, "X"] ↦ Float[Tensor, "O"]."""

    @abstractmethod
    def log_prob(self, x: Tensor, outputs: Tensor) -> Tensor:
        """log p(x given outputs) in nats: Float[Tensor, "B X"], Float[Tensor, "K B O"] ↦ Float[Tensor, "K B"]."""

    @abstractmethod
    def mean(self, outputs: Tensor) -> Tensor:
        """E[x given outputs]: Float[Tensor, "*K B O"] ↦ Float[Tensor, "*K B X"]."""

    @abstractmethod
    def sample(self, outputs: Tensor) -> Tensor:
        """x ~ p(x given outputs), without gradient, shapes as ``mean``."""
