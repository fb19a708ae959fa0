"""φ ↦ q(z; φ): the interface of posterior families, and the capabilities of q that estimators need."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from vaerun.model.prior.base import PriorDensity


class Posterior(ABC):
    """q(z; φ_i) for a batch of φ_i, with samples z ~ q and the density log q(z; φ)."""

    @abstractmethod
    def sample(self, k: int) -> Tensor:
        """z_1, …, z_k ~ q, without gradient, Float[Tensor, "K B D"]."""

    @abstractmethod
    def log_prob(self, z: Tensor) -> Tensor:
        """log q(z; φ) in nats, summed over D: Float[Tensor, "K B D"] ↦ Float[Tensor, "K B"]."""


class ClosedFormMean(Posterior, ABC):
    """E_q[z] in closed form."""

    @abstractmethod
    def mean(self) -> Tensor:
        """E_q[z], differentiable in φ, Float[Tensor, "B D"]."""


class ClosedFormStd(ClosedFormMean, ABC):
    """E_q[z] and the standard deviation of every z_d under q in closed form."""

    @abstractmethod
    def std(self) -> Tensor:
        """(E_q[z_d²] − E_q[z_d]²)^½, Float[Tensor, "B D"]."""


class KnownScore(Posterior, ABC):
    """‖∇_φ log q(z; φ)‖² in closed form, without a backward pass."""

    @abstractmethod
    def squared_score(self, z: Tensor) -> Tensor:
        """‖∇ log q(z)‖² in the parameters of q, detached: Float[Tensor, "K B D"] ↦ Float[Tensor, "K B"]."""


class Reparameterized(Posterior, ABC):
    """z = g(ε; φ), differentiable in φ, with ε from a distribution without parameters."""

    @abstractmethod
    def noise(self, k: int) -> Tensor:
        """ε_1, …, ε_k; an argument of ``transport``, so that a test can replace it by quadrature nodes."""

    @abstractmethod
    def transport(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """(z, log q(z; φ)) at once, Float[Tensor, "K B D"] and Float[Tensor, "K B"]."""

    @abstractmethod
    def frozen(self) -> "Reparameterized":
        """The same q with φ and shared weights detached, so that log q is differentiated only in z."""


class LayeredRelaxable(Posterior, ABC):
    """q(z) = q_1(z_1) Π_l q_l(z_l given z_{l−1}) over layers of discrete z, where every q_l is ``Relaxable``.

    Given the layer below, a layer has the relaxation of its q_l. A q with one layer is ``Relaxable`` itself.

    Reference: Tucker et al. 2017, REBAR, and its code, research/rebar of tensorflow/models.
    """

    logits: Tensor  # Float[Tensor, "B D_1"]: the parameters of q_1
    sizes: tuple[int, ...]  # D_1, …, D_L

    @abstractmethod
    def layer(self, index: int, below: Tensor | None) -> "Relaxable":
        """q_l at z_{l−1}, Float[Tensor, "K B D_{l−1}"], hard or relaxed; ``index`` = l − 1, and ``below`` None at 0."""

    @abstractmethod
    def frozen(self) -> "LayeredRelaxable":
        """The same q with its parameters and shared weights detached, so that log q is differentiated only in z."""

    @abstractmethod
    def noise(self, k: int) -> Tensor:
        """ε_1, …, ε_k of all layers, Float[Tensor, "K B D"]."""


class Relaxable(LayeredRelaxable, ClosedFormMean, ABC):
    """Discrete z = H(g), where g = φ + ε elementwise and ε has a fixed distribution (logistic, Gumbel): Gumbel-max.

    A smooth H gives the continuous relaxations; samples of g given z give their control variates. The mass function,
    the prior and the likelihood use the formula of the discrete z also at relaxed z.

    Reference: Maddison et al. 2017, The concrete distribution; Jang et al. 2017; Tucker et al. 2017, REBAR, appendix A.
    """

    logits: Tensor  # Float[Tensor, "B D"]: the parameters φ

    @property
    def sizes(self) -> tuple[int, ...]:  # type: ignore[override]
        """One layer, (D,)."""
        return (self.logits.shape[-1],)

    def layer(self, index: int, below: Tensor | None) -> "Relaxable":
        """q itself."""
        return self

    @abstractmethod
    def frozen(self) -> "Relaxable":
        """The same q with detached logits, so that log q is differentiated only in z."""

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
        """The relaxed z, which → H(g) as temperature → 0; differentiable in both, Float[Tensor, "K B D"]."""

    @abstractmethod
    def condition(self, z: Tensor, noise: Tensor) -> Tensor:
        """A sample of g given H(g) = z, from ε independent of z, differentiable in φ, Float[Tensor, "K B D"]."""

    @abstractmethod
    def conditional_noise(self, z: Tensor, g: Tensor) -> Tensor:
        """The ε with condition(z, ε) = g at z = H(g), without gradient, Float[Tensor, "K B D"].

        It is distributed as ``noise``, and independent of z.
        """


class Enumerable(Posterior, ABC):
    """z in a finite set {z_1, …, z_S}."""

    @property
    @abstractmethod
    def support_size(self) -> int:
        """S, without listing the values."""

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
    """KL(q(·; φ) ‖ p(z)) in closed form, for priors of the classes ``closed_form_with``."""

    closed_form_with: ClassVar[tuple[type[PriorDensity], ...]]

    @abstractmethod
    def kl(self, prior: PriorDensity) -> Tensor:
        """KL(q ‖ prior) in nats, Float[Tensor, "B"]."""


class Family(nn.Module, ABC):
    """φ ↦ q(z; φ). If the module has weights, all points share them, and they are trained with λ.

    Args:
        latent_dim: D.
    """

    posterior: ClassVar[type[Posterior]]  # the class that forward returns; its base classes are the capabilities
    support: ClassVar[str]  # the type of z: "real", "binary" or "categorical" (one-hot blocks)
    contains_posterior: ClassVar[bool] = False  # whether q(z; φ) = p(z given x) for some φ, with two
    # coordinates of z, for the linear-Gaussian model or for any model over two bits; ``vaerun verify`` tests it
    block: int = 1  # coordinates per variable: the number of classes of a one-hot block

    def __init__(self, *, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim

    @property
    @abstractmethod
    def num_parameters(self) -> int:
        """P, the length of φ."""

    @property
    def num_layers(self) -> int:
        """L, the number of layers of z that q conditions on one another; 1 by default."""
        return 1

    @abstractmethod
    def initial(self) -> Tensor:
        """A φ at which q is near a standard prior, Float[Tensor, "P"]."""

    def scale(self, phi: Tensor) -> Tensor:
        """1 / √F_pp, Float[Tensor, "B P"], without gradient; 1 by default.

        F is the Fisher information of q in φ, so that a step of this length changes q by the same amount, however
        narrow it is. A coordinate whose F is not known, or does not vary much, has 1.
        """
        return torch.ones_like(phi)

    def inverse_fisher(self, phi: Tensor) -> Tensor:
        """1 / F_pp, Float[Tensor, "B P"], without gradient: ½ Σ_p g_p² / F_pp nats are left where the gradient is g.

        The square of ``scale``, unless the steps of a family are better without F.
        """
        return self.scale(phi).square()

    @abstractmethod
    def forward(self, phi: Tensor) -> Posterior:
        """q(z; φ) of each row: Float[Tensor, "B P"] ↦ Posterior."""
