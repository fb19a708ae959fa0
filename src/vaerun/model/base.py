"""p_θ(x, z) = p_θ(x given z) p_θ(z): the interface of generative models."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from vaerun.config.ranges import at_least
from vaerun.model.prior.base import Prior


class Model(nn.Module, ABC):
    """p_θ(x, z) = p_θ(x given z) p_θ(z), where θ are the parameters of this module.

    Args:
        latent_dim: D, 1 or more.
        prior: p_θ(z).

    Raises:
        UserError: D < 1.
    """

    def __init__(self, *, latent_dim: int, prior: Prior) -> None:
        super().__init__()
        at_least("model.latent_dim", latent_dim, 1)
        self.latent_dim = latent_dim
        self.prior = prior

    @property
    @abstractmethod
    def is_density(self) -> bool:
        """Whether p_θ(x given z) is normalised over x, so that its ELBO bounds log p(x)."""

    @abstractmethod
    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """log p_θ(x given z) in nats: Float[Tensor, "B X"], Float[Tensor, "K B D"] ↦ Float[Tensor, "K B"]."""

    def log_prior(self, z: Tensor) -> Tensor:
        """log p_θ(z) in nats: Float[Tensor, "K B D"] ↦ Float[Tensor, "K B"]."""
        return self.prior.log_prob(z)

    def log_joint(self, x: Tensor, z: Tensor) -> Tensor:
        """log p_θ(x, z) in nats, Float[Tensor, "K B"]."""
        return self.log_likelihood(x, z) + self.log_prior(z)

    @abstractmethod
    def mean(self, z: Tensor) -> Tensor:
        """E[x given z]: Float[Tensor, "*K B D"] ↦ Float[Tensor, "*K B X"]."""

    @abstractmethod
    def observe(self, z: Tensor) -> Tensor:
        """x ~ p_θ(x given z), without gradient, same shapes as ``mean``."""

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """x_1, …, x_n ~ p_θ(x), Float[Tensor, "n X"]."""
        return self.observe(self.prior.sample(n))


class ExactMarginal(Model, ABC):
    """A model with log p_θ(x) = log ∫ p_θ(x, z) dz in closed form, so that the gap of a bound is known exactly."""

    @abstractmethod
    def exact_log_prob(self, x: Tensor) -> Tensor:
        """log p_θ(x) = log ∫ p_θ(x, z) dz in nats: Float[Tensor, "B X"] ↦ Float[Tensor, "B"]."""
