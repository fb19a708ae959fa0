"""q(z; φ) = Σ_m π_m N(z; μ_m, diag σ_m²), φ = (raw log π, μ_1, …, μ_M, raw log σ_1, …, raw log σ_M)."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from vaerun.config.ranges import at_least
from vaerun.nn.bounded_scale import bounded_log_scale, location_scale
from vaerun.posterior.base import ClosedFormStd, Family, Stratified
from vaerun.posterior.gaussian import DiagonalGaussian
from vaerun.posterior.pattern import waves

SMALLEST = 1e-3  # π and π (1 − π) in the Fisher information


class GaussianMixture(Stratified, ClosedFormStd):
    """Σ_m π_m N(z; μ_m, diag σ_m²), π = softmax(logits).

    Args:
        logits: Float[Tensor, "B M"].
        mu: μ, Float[Tensor, "B M D"].
        log_sigma: log σ, Float[Tensor, "B M D"].
    """

    def __init__(self, logits: Tensor, mu: Tensor, log_sigma: Tensor) -> None:
        self.logits, self.mu, self.log_sigma = logits, mu, log_sigma

    def weights(self) -> Tensor:
        return self.logits.softmax(-1).T

    def strata(self) -> Sequence[DiagonalGaussian]:
        return [DiagonalGaussian(*pair) for pair in zip(self.mu.unbind(1), self.log_sigma.unbind(1), strict=True)]

    @torch.no_grad()
    def sample(self, k: int) -> Tensor:
        u = torch.rand(k, len(self.logits), 1, device=self.mu.device, dtype=self.mu.dtype)
        chosen = (u > self.logits.softmax(-1).cumsum(-1)[:, :-1]).sum(-1)  # Int[Tensor, "K B"]
        rows = torch.arange(len(self.logits), device=self.mu.device)
        mu, sigma = self.mu[rows, chosen], self.log_sigma[rows, chosen].exp()
        return mu + sigma * torch.randn_like(mu)

    def log_prob(self, z: Tensor) -> Tensor:
        within = torch.stack([stratum.log_prob(z) for stratum in self.strata()], dim=-1)
        return (self.logits.log_softmax(-1) + within).logsumexp(-1)

    def mean(self) -> Tensor:
        """Σ_m π_m μ_m."""
        return torch.einsum("bm,bmd->bd", self.logits.softmax(-1), self.mu)

    def std(self) -> Tensor:
        """(Σ_m π_m (σ_m² + (μ_m − mean)²))^½."""
        square = (2 * self.log_sigma).exp() + (self.mu - self.mean().unsqueeze(1)).square()
        return torch.einsum("bm,bmd->bd", self.logits.softmax(-1), square).sqrt()


class Mixture(Family):
    """q(z; φ) = Σ_m π_m N(z; μ_m, diag σ_m²) with log σ = 7 tanh(s / 7), P = M (1 + 2D).

    The component of z is not a differentiable function of φ: use an estimator that sums over the components, or the
    score function. The initial means differ a little, because equal components would have equal gradients.

    Args:
        latent_dim: D.
        components: M.

    Raises:
        UserError: M < 1.

    Reference: Morningstar et al. 2021, Automatic differentiation variational inference with mixtures.
    """

    posterior: ClassVar = GaussianMixture
    support: ClassVar[str] = "real"

    def __init__(self, *, latent_dim: int, components: int = 4) -> None:
        super().__init__(latent_dim=latent_dim)
        at_least("posterior.components", components, 1)
        self.components = components

    @property
    def num_parameters(self) -> int:
        return self.components * (1 + 2 * self.latent_dim)

    def initial(self) -> Tensor:
        means = 0.1 * waves(self.components, self.latent_dim)
        means = means - means.mean(0)
        return torch.cat((torch.zeros(self.components), means.flatten(), torch.zeros(means.numel())))

    def scale(self, phi: Tensor) -> Tensor:
        logits, strata = phi[..., : self.components], phi[..., self.components :]
        return torch.cat((torch.ones_like(logits), location_scale(strata, self.components * self.latent_dim)), dim=-1)

    @torch.no_grad()
    def inverse_fisher(self, phi: Tensor) -> Tensor:
        """1/(π (1 − π)) in a logit, σ²/π in a mean and 1/(2π) in a log σ, with π and π (1 − π) at least 0.001.

        Exact where the components are far apart. Where they overlap, F is smaller: with r_m the probability of
        component m given z, F in μ_m is E_q[r_m² (z − μ_m)²]/σ⁴ ≤ E_q[r_m (z − μ_m)²]/σ⁴ = π_m/σ². It does not scale
        the steps, which would be many σ long where π is small.
        """
        weights = phi[..., : self.components].softmax(-1)
        strata = location_scale(phi[..., self.components :], self.components * self.latent_dim).square()
        per_stratum = weights.clamp(min=SMALLEST).repeat_interleave(self.latent_dim, -1).repeat(1, 2)
        of_logits = (weights * (1 - weights)).clamp(min=SMALLEST).reciprocal()
        return torch.cat((of_logits, strata / per_stratum), dim=-1)

    def forward(self, phi: Tensor) -> GaussianMixture:
        length = self.components * self.latent_dim
        logits, mu, raw = phi.split((self.components, length, length), dim=-1)
        shape = (self.components, self.latent_dim)
        return GaussianMixture(logits, mu.unflatten(-1, shape), bounded_log_scale(raw.unflatten(-1, shape)))
