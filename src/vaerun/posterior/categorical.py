"""q(z; φ) = Π_v Categorical(z_v; softmax φ_v), z one-hot blocks."""

from typing import ClassVar

import torch
from torch import Tensor

from vaerun.config.ranges import at_least
from vaerun.model.prior.base import PriorDensity
from vaerun.model.prior.categorical import CategoricalPrior, blocks_of
from vaerun.posterior.base import ClosedFormKL, ClosedFormStd, Enumerable, Family, KnownScore, Relaxable


class IndependentCategorical(Relaxable, Enumerable, KnownScore, ClosedFormKL, ClosedFormStd):
    """Π_v Π_c p_vc^{z_vc} over z of V one-hot blocks of length C, p_v = softmax(logits_v); D = V C.

    Args:
        logits: Float[Tensor, "B D"].
        num_classes: C.
    """

    closed_form_with: ClassVar[tuple[type[PriorDensity], ...]] = (CategoricalPrior,)

    def __init__(self, logits: Tensor, num_classes: int) -> None:
        self.logits, self.num_classes = logits, num_classes

    def blocks(self, t: Tensor) -> Tensor:
        """Float[Tensor, "*B D"] ↦ Float[Tensor, "*B V C"]."""
        return t.unflatten(-1, (-1, self.num_classes))

    def sample(self, k: int) -> Tensor:
        with torch.no_grad():
            return self.harden(self.perturb(self.noise(k)))

    def log_prob(self, z: Tensor) -> Tensor:
        return (z * self.blocks(self.logits).log_softmax(-1).flatten(-2)).sum(-1)

    def mean(self) -> Tensor:
        return self.blocks(self.logits).softmax(-1).flatten(-2)

    def std(self) -> Tensor:
        """(p_d (1 − p_d))^½ of every class."""
        p = self.mean()
        return (p * (1 - p)).sqrt()

    @torch.no_grad()
    def squared_score(self, z: Tensor) -> Tensor:
        """Σ_d (z_d − p_d)²: in the logits."""
        return (z - self.mean()).square().sum(-1)

    def frozen(self) -> "IndependentCategorical":
        return IndependentCategorical(self.logits.detach(), self.num_classes)

    def noise(self, k: int) -> Tensor:
        """Standard Gumbel: then the largest of logit + ε in a block is class c with probability p_c."""
        exponential = self.logits.new_empty(k, *self.logits.shape).exponential_()
        return -exponential.clamp_min(torch.finfo(exponential.dtype).tiny).log()

    def perturb(self, noise: Tensor) -> Tensor:
        return self.logits + noise

    @torch.no_grad()
    def harden(self, g: Tensor) -> Tensor:
        """One-hot argmax of each block."""
        blocks = self.blocks(g)
        largest = blocks.argmax(-1, keepdim=True)
        return torch.zeros_like(blocks).scatter_(-1, largest, 1.0).flatten(-2)

    def soften(self, g: Tensor, temperature: Tensor | float) -> Tensor:
        """softmax(g / τ) of each block, the concrete."""
        return (self.blocks(g) / temperature).softmax(-1).flatten(-2)

    def condition(self, z: Tensor, noise: Tensor) -> Tensor:
        """m = logsumexp(logits) + ε of the class in z, −log(e^−(logit + ε) + e^−m) of the others.

        The maximum m of a block is independent of its class, so m is sampled first, and the others as Gumbels
        truncated at m.
        """
        total = self.blocks(self.logits).logsumexp(-1, keepdim=True)
        largest = total + (self.blocks(z) * self.blocks(noise)).sum(-1, keepdim=True)
        below = -torch.logaddexp(-self.blocks(self.perturb(noise)), -largest)
        return torch.where(self.blocks(z) > 0.5, largest, below).flatten(-2)

    @torch.no_grad()
    def conditional_noise(self, z: Tensor, g: Tensor) -> Tensor:
        """m − logsumexp(logits) of the class in z, whose g is m, and g − log(1 − e^(g − m)) − logit of the others."""
        blocks, logits = self.blocks(g), self.blocks(self.logits)
        largest = blocks.amax(-1, keepdim=True)
        winner = largest - logits.logsumexp(-1, keepdim=True)
        tiny = torch.finfo(g.dtype).tiny  # two equal g are possible in floating point
        others = blocks - (-torch.expm1(blocks - largest)).clamp_min(tiny).log() - logits
        return torch.where(self.blocks(z) > 0.5, winner, others).flatten(-2)

    @property
    def support_size(self) -> int:
        """C^V."""
        return self.num_classes ** (self.logits.shape[-1] // self.num_classes)

    def support(self) -> Tensor:
        """All C^V values, Float[Tensor, "S B D"]."""
        device = self.logits.device
        places = torch.arange(self.logits.shape[-1] // self.num_classes - 1, -1, -1, device=device)
        # Made on the device, because a copy from the host would wait for the device.
        numbers = torch.arange(self.support_size, device=device).unsqueeze(1) // self.num_classes**places
        one_hot = torch.eye(self.num_classes, dtype=self.logits.dtype, device=device)
        values = one_hot.index_select(0, (numbers % self.num_classes).flatten()).reshape(self.support_size, -1)
        return values.unsqueeze(1).expand(-1, len(self.logits), -1)

    def kl(self, prior: PriorDensity) -> Tensor:
        """Σ_v Σ_c p_vc (log p_vc − log π_vc), Float[Tensor, "B"]."""
        p = self.mean()
        return self.log_prob(p) - prior.log_prob(p)  # both are linear in z, so their mean is their value at the mean


class Categorical(Family):
    """q(z; φ) = Π_v Categorical(z_v; softmax φ_v), P = D; φ = 0 is uniform.

    z is D/C variables of C classes, each a block of C coordinates of which one is 1; D counts coordinates.

    Args:
        latent_dim: D.
        num_classes: C, a divisor of D.

    Raises:
        UserError: C is below 2 or does not divide D.

    Reference: Jang, Gu, Poole 2017, Categorical reparameterization with Gumbel-softmax, §2; given z: Maddison, Tarlow,
    Minka 2014, A* sampling; Tucker et al. 2017, REBAR, appendix.
    """

    posterior: ClassVar = IndependentCategorical
    support: ClassVar[str] = "categorical"

    def __init__(self, *, latent_dim: int, num_classes: int = 10) -> None:
        super().__init__(latent_dim=latent_dim)
        at_least("posterior.num_classes", num_classes, 2)
        self.block = blocks_of(latent_dim, num_classes)

    @property
    def num_parameters(self) -> int:
        return self.latent_dim

    def initial(self) -> Tensor:
        return torch.zeros(self.num_parameters)

    @torch.no_grad()
    def inverse_fisher(self, phi: Tensor) -> Tensor:
        """1 / (p (1 − p)), at most 1,000.

        It does not scale the steps: the noise of a gradient would be multiplied by it where p is near 0 or 1.
        """
        p = self(phi).mean()
        return (p * (1 - p)).clamp(min=1e-3).reciprocal()

    def forward(self, phi: Tensor) -> IndependentCategorical:
        return IndependentCategorical(phi, self.block)
