"""q(z; φ) = Π_d Bernoulli(z_d; σ(φ_d))."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from vaerun.model.prior.base import PriorDensity
from vaerun.model.prior.bernoulli import BernoulliPrior
from vaerun.posterior.base import ClosedFormKL, ClosedFormStd, Enumerable, Family, KnownScore, Relaxable


class IndependentBernoulli(Relaxable, Enumerable, KnownScore, ClosedFormKL, ClosedFormStd):
    """Π_d p_d^{z_d} (1 − p_d)^{1 − z_d} over z in {0, 1}^D, p = σ(logits).

    Args:
        logits: Float[Tensor, "B D"].
    """

    closed_form_with: ClassVar[tuple[type[PriorDensity], ...]] = (BernoulliPrior,)

    def __init__(self, logits: Tensor) -> None:
        self.logits = logits

    def sample(self, k: int) -> Tensor:
        with torch.no_grad():
            # Uniform noise below p is four times cheaper than bernoulli_ on a CPU.
            noise = torch.rand(k, *self.logits.shape, device=self.logits.device, dtype=self.logits.dtype)
            return (noise < self.logits.sigmoid()).to(self.logits.dtype)

    def log_prob(self, z: Tensor) -> Tensor:
        return (z * self.logits + logsigmoid(-self.logits)).sum(-1)

    def mean(self) -> Tensor:
        return self.logits.sigmoid()

    def std(self) -> Tensor:
        """(p_d (1 − p_d))^½, with 1 − p_d = σ(−logit_d)."""
        return (self.logits.sigmoid() * (-self.logits).sigmoid()).sqrt()

    @torch.no_grad()
    def squared_score(self, z: Tensor) -> Tensor:
        """Σ_d (z_d − p_d)²: in the logits."""
        return (z - self.logits.sigmoid()).square().sum(-1)

    def frozen(self) -> "IndependentBernoulli":
        return IndependentBernoulli(self.logits.detach())

    def noise(self, k: int) -> Tensor:
        """Standard logistic: then 1[logit + ε > 0] is 1 with probability σ(logit)."""
        u = torch.rand(k, *self.logits.shape, device=self.logits.device, dtype=self.logits.dtype)
        return u.logit(eps=torch.finfo(u.dtype).tiny)

    def perturb(self, noise: Tensor) -> Tensor:
        return self.logits + noise

    def harden(self, g: Tensor) -> Tensor:
        return (g.detach() > 0).to(g.dtype)

    def soften(self, g: Tensor, temperature: Tensor | float) -> Tensor:
        """σ(g / τ), the binary concrete."""
        return (g / temperature).sigmoid()

    def condition(self, z: Tensor, noise: Tensor) -> Tensor:
        """(2z − 1) softplus(ε + softplus((2z − 1) logit)): above 0 where z = 1, below where z = 0."""
        sign = 2 * z - 1
        return sign * softplus(noise + softplus(sign * self.logits))

    @torch.no_grad()
    def conditional_noise(self, z: Tensor, g: Tensor) -> Tensor:
        """log(e^|g| − 1) − softplus((2z − 1) logit)."""
        sign = 2 * z - 1
        tiny = torch.finfo(g.dtype).tiny  # g = 0 is possible in floating point
        return g.abs() + (-torch.expm1(-g.abs())).clamp_min(tiny).log() - softplus(sign * self.logits)

    @property
    def support_size(self) -> int:
        """2^D."""
        return 2 ** self.logits.shape[-1]

    def support(self) -> Tensor:
        """All 2^D values, Float[Tensor, "S B D"]."""
        return corners(self.logits)

    def kl(self, prior: PriorDensity) -> Tensor:
        """Σ_d p_d (log p_d − log π_d) + (1 − p_d)(log(1 − p_d) − log(1 − π_d)), Float[Tensor, "B"]."""
        p = self.logits.sigmoid()
        expected_log_q = (p * self.logits + logsigmoid(-self.logits)).sum(-1)
        return expected_log_q - prior.log_prob(p)  # log p(z) is linear in z, so its mean is its value at the mean


class Bernoulli(Family):
    """q(z; φ) = Π_d Bernoulli(z_d; σ(φ_d)) over z in {0, 1}^D, P = D; φ = 0 is probability ½.

    Reference: Mnih, Gregor 2014, Neural variational inference and learning in belief networks, §2.
    """

    posterior: ClassVar = IndependentBernoulli
    support: ClassVar[str] = "binary"

    @property
    def num_parameters(self) -> int:
        return self.latent_dim

    def initial(self) -> Tensor:
        return torch.zeros(self.num_parameters)

    def inverse_fisher(self, phi: Tensor) -> Tensor:
        return inverse_fisher_of_logits(phi)

    def forward(self, phi: Tensor) -> IndependentBernoulli:
        return IndependentBernoulli(phi)


@torch.no_grad()
def inverse_fisher_of_logits(phi: Tensor) -> Tensor:
    """1 / (p (1 − p)), at most 1,000, p = σ(φ).

    It does not scale the steps: the noise of a gradient would be multiplied by it where p is near 0 or 1.
    """
    p = phi.sigmoid()
    return (p * (1 - p)).clamp(min=1e-3).reciprocal()


def corners(like: Tensor) -> Tensor:
    """{0, 1}^D for each of B points, in the order of binary numbers: Float[Tensor, "B D"] ↦ Float[Tensor, "S B D"]."""
    dim = like.shape[-1]
    # Made on the device, because a copy from the host would wait for the device.
    places = torch.arange(dim - 1, -1, -1, device=like.device)
    bits = torch.arange(2**dim, device=like.device).unsqueeze(1) >> places & 1
    return bits.to(like.dtype).unsqueeze(1).expand(-1, len(like), -1)
