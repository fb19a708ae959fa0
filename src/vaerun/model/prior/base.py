"""p_θ(z given c) and p_θ(z): the interfaces of priors."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn


class PriorDensity(ABC):
    """p(z) of one point, or of each of B points: the log-density and samples."""

    latent_dim: int  # D

    @abstractmethod
    def log_prob(self, z: Tensor) -> Tensor:
        """log p(z) in nats: Float[Tensor, "*K B D"] ↦ Float[Tensor, "*K B"]."""

    @abstractmethod
    def sample(self, n: int) -> Tensor:
        """z_1, …, z_n ~ p(z), without gradient, Float[Tensor, "n D"]; of n densities, z_i ~ p_i(z)."""


class IndependentNormal(PriorDensity, ABC):
    """p(z) = N(z; m, diag s²): the priors for which Gaussian and Laplace q have a KL in closed form."""

    @abstractmethod
    def standardised(self, location: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor]:
        """((μ − m)/s, log(σ/s)): location and log scale of (z − m)/s, where z has μ and log σ, each "B D".

        KL(q ‖ p) does not change if z is replaced by (z − m)/s, and p then is N(0, I).
        """


class ConditionalPrior(nn.Module, ABC):
    """c ↦ p_θ(z given c), over D coordinates of z, where c is what the model conditions on.

    Args:
        latent_dim: D.
    """

    support: ClassVar[str]  # the type of z: "real", "binary" or "categorical" (one-hot blocks)
    block: int = 1  # coordinates per variable: the number of classes of a one-hot block
    density: ClassVar[type[PriorDensity]]  # the class that ``given`` returns; closed forms are listed by it

    def __init__(self, *, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim

    @abstractmethod
    def given(self, c: Tensor | None) -> PriorDensity:
        """p(z given c) of each point: Float[Tensor, "B C"] ↦ PriorDensity; c is None if there is no condition."""


class Prior(ConditionalPrior, PriorDensity, ABC):
    """p_θ(z) over D coordinates of z, the same for every c, with log-density and samples.

    Args:
        latent_dim: D.
    """

    def given(self, c: Tensor | None) -> PriorDensity:
        return self
