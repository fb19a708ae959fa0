"""What a posterior family is: φ ↦ q(z; φ), and the capabilities that estimators ask of q."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
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


class ClosedFormMean(Posterior, ABC):
    """E_q[z] without sampling."""

    @abstractmethod
    def mean(self) -> Tensor:
        """E_q[z], differentiable in φ, Float[Tensor, "B D"]."""


class KnownScore(Posterior, ABC):
    """‖∇_φ log q(z; φ)‖² without a backward pass."""

    @abstractmethod
    def squared_score(self, z: Tensor) -> Tensor:
        """‖∇ log q(z)‖² in the parameters q is written in, detached: Float[Tensor, "K B D"] ↦ Float[Tensor, "K B"]."""


class Reparameterized(Posterior, ABC):
    """z = g(ε; φ), differentiable in φ, with ε from a distribution without parameters."""

    @abstractmethod
    def noise(self, k: int) -> Tensor:
        """ε_1, …, ε_k; an argument of ``transport``, so that a test can put quadrature nodes in its place."""

    @abstractmethod
    def transport(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """(z, log q(z; φ)) at once, Float[Tensor, "K B D"] and Float[Tensor, "K B"]."""

    @abstractmethod
    def frozen(self) -> "Reparameterized":
        """The same q, its φ and any shared weights constants: derivatives of its log q are those in z alone."""


class Relaxable(ClosedFormMean, ABC):
    """Discrete z = H(g), g = φ + ε elementwise with ε from a fixed distribution (logistic, Gumbel): Gumbel-max.

    Softening H gives the relaxations; g given z gives their control variates. The mass function, the prior and the
    likelihood are evaluated at soft z by the formula that holds at hard z.

    Reference: Maddison et al. 2017, The concrete distribution; Jang et al. 2017; Tucker et al. 2017, REBAR, appendix A.
    """

    logits: Tensor  # Float[Tensor, "B D"]: all of φ, which a relaxation's variance is differentiated in

    @abstractmethod
    def frozen(self) -> "Relaxable":
        """The same q with its logits a constant: derivatives of its log q are those in z alone."""

    @abstractmethod
    def noise(self, k: int) -> Tensor:
        """ε_1, …, ε_k, Float[Tensor, "K B D"]."""

    @abstractmethod
    def perturb(self, noise: Tensor) -> Tensor:
        """g = φ + ε, differentiable in φ, Float[Tensor, "K B D"]."""

    @abstractmethod
    def harden(self, g: Tensor) -> Tensor:
        """z = H(g), distributed as q, without gradient, Float[Tensor, "K B D"]."""

    @abstractmethod
    def soften(self, g: Tensor, temperature: Tensor | float) -> Tensor:
        """H smoothed: → H(g) as the temperature → 0, differentiable in g and temperature, Float[Tensor, "K B D"]."""

    @abstractmethod
    def condition(self, z: Tensor, noise: Tensor) -> Tensor:
        """g given H(g) = z, from fresh noise ε as ``noise`` gives it, differentiable in φ, Float[Tensor, "K B D"]."""


class Enumerable(Posterior, ABC):
    """z from a finite set that can be listed."""

    @property
    @abstractmethod
    def support_size(self) -> int:
        """S, found without listing them."""

    @abstractmethod
    def support(self) -> Tensor:
        """All S values of z, Float[Tensor, "S B D"]."""


class Stratified(Posterior, ABC):
    """q(z) = Σ_m π_m q_m(z): M strata with known probabilities, each reparameterized by itself."""

    @abstractmethod
    def weights(self) -> Tensor:
        """π_m, differentiable in φ, Float[Tensor, "M B"]."""

    @abstractmethod
    def strata(self) -> Sequence[Reparameterized]:
        """q_1, …, q_M, over the same batch as q."""


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
    support: ClassVar[str]  # "real", "binary" or "categorical" (one-hot blocks): what z is
    contains_posterior: ClassVar[bool] = False  # whether some φ is p(z given x) where z has two coordinates: of the
    # linear-Gaussian model, or of any model over two bits; ``vaerun verify`` sees to it
    block: int = 1  # coordinates that make up one variable: the classes of a one-hot block

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
