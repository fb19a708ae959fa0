"""What a posterior family is: φ ↦ q(z; φ), and the capabilities that estimators ask of q."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from vaerun.model.prior.base import Prior


class Posterior(ABC):
    """q(z; φ) for the φ of a batch: can be sampled, and its density evaluated."""

    @abstractmethod
    def sample(self, k: int) -> Tensor:
        """z_1, …, z_k ~ q, without gradient, Float[Tensor, "K B D"]."""

    @abstractmethod
    def log_prob(self, z: Tensor) -> Tensor:
        """log q(z; φ) in nats, summed over D: Float[Tensor, "K B D"] ↦ Float[Tensor, "K B"]."""

    @abstractmethod
    def mean(self) -> Tensor:
        """E_q[z], Float[Tensor, "B D"]."""


class Reparameterized(Posterior, ABC):
    """z = g(ε; φ), differentiable in φ, with ε from a distribution without parameters."""

    @abstractmethod
    def noise(self, k: int) -> Tensor:
        """ε_1, …, ε_k; an argument of ``transport``, so that a test can put quadrature nodes in its place."""

    @abstractmethod
    def transport(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """(z, log q(z; φ)) at once, Float[Tensor, "K B D"] and Float[Tensor, "K B"]."""


class Enumerable(Posterior, ABC):
    """z from a finite set that can be listed."""

    @abstractmethod
    def support(self) -> Tensor:
        """All S values of z, Float[Tensor, "S B D"]."""


class ClosedFormKL(Posterior, ABC):
    """KL(q(·; φ) ‖ p(z)) without sampling, for the priors of class ``closed_form_with``."""

    closed_form_with: ClassVar[tuple[type[Prior], ...]]

    @abstractmethod
    def kl(self, prior: Prior) -> Tensor:
        """KL(q ‖ prior) in nats, Float[Tensor, "B"]."""


class Family(nn.Module, ABC):
    """φ ↦ q(z; φ). Weights of the module, where it has any, are shared by all points and train with λ.

    Args:
        latent_dim: D.
    """

    posterior: ClassVar[type[Posterior]]  # what forward returns: its base classes are the family's capabilities
    support: ClassVar[str]  # "real" or "binary": what z is

    def __init__(self, *, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim

    @property
    @abstractmethod
    def num_parameters(self) -> int:
        """P, the length of φ."""

    @abstractmethod
    def initial(self) -> Tensor:
        """A φ at which q is near a standard prior, Float[Tensor, "P"]."""

    @abstractmethod
    def forward(self, phi: Tensor) -> Posterior:
        """q(z; φ) of each row: Float[Tensor, "B P"] ↦ Posterior."""
