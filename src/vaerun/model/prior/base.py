"""p_θ(z): the interface of priors."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn


class Prior(nn.Module, ABC):
    """p_θ(z) over D coordinates of z, with log-density and samples.

    Args:
        latent_dim: D.
    """

    support: ClassVar[str]  # the type of z: "real", "binary" or "categorical" (one-hot blocks)
    block: int = 1  # coordinates per variable: the number of classes of a one-hot block

    def __init__(self, *, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim

    @abstractmethod
    def log_prob(self, z: Tensor) -> Tensor:
        """log p(z) in nats: Float[Tensor, "*K B D"] ↦ Float[Tensor, "*K B"]."""

    @abstractmethod
    def sample(self, n: int) -> Tensor:
        """z_1, …, z_n ~ p(z), without gradient, Float[Tensor, "n D"]."""
