"""q(z; φ) = Π_d N(z_d; μ_d + f_d(z_1, …, z_{d−1}, φ), σ_d(z_1, …, z_{d−1}, φ)²)."""

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from vaerun.config.ranges import at_least
from vaerun.nn.bounded_scale import bounded_log_scale, location_scale
from vaerun.nn.normal import HALF_LOG_2PI, normal_log_prob
from vaerun.posterior.base import Family, Reparameterized
from vaerun.posterior.masked import MaskedNetwork, constant


class DependentGaussian(Reparameterized):
    """Π_d N(z_d; μ_d + f_d, exp(2 · 7 tanh((s_d + g_d)/7))), f_d and g_d functions of z_1, …, z_{d−1} and φ.

    Args:
        phi: μ and s, Float[Tensor, "B 2D"].
        network: (f, g), from z and a context, Float[Tensor, "K B D 2"].
    """

    def __init__(self, phi: Tensor, network: Callable[[Tensor, Tensor], Tensor]) -> None:
        self.phi, self.network = phi, network
        self.context = bounded_log_scale(phi)

    def conditionals(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log σ of each coordinate given the coordinates before it, each Float[Tensor, "K B D"]."""
        mu, raw = self.phi.chunk(2, dim=-1)
        shift, more = self.network(z, self.context).unbind(-1)
        return mu + shift, bounded_log_scale(raw + more)

    def noise(self, k: int) -> Tensor:
        mu, _ = self.phi.chunk(2, dim=-1)
        return torch.randn(k, *mu.shape, device=mu.device, dtype=mu.dtype)

    def transport(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """z_d = μ_d + σ_d ε_d, one coordinate after the other: D passes of the network."""
        known: list[Tensor] = []
        log_scale = torch.zeros_like(noise[..., 0])
        for d in range(noise.shape[-1]):
            z = torch.stack([*known, *torch.zeros_like(noise[..., d:]).unbind(-1)], dim=-1)
            mu, log_sigma = self.conditionals(z)
            known.append(mu[..., d] + log_sigma[..., d].exp() * noise[..., d])
            log_scale = log_scale + log_sigma[..., d]
        return torch.stack(known, dim=-1), -(0.5 * noise.square() + HALF_LOG_2PI).sum(-1) - log_scale

    @torch.no_grad()
    def sample(self, k: int) -> Tensor:
        return self.transport(self.noise(k))[0]

    def log_prob(self, z: Tensor) -> Tensor:
        return normal_log_prob(z, *self.conditionals(z))

    def frozen(self) -> "DependentGaussian":
        network = constant(self.network) if isinstance(self.network, torch.nn.Module) else self.network
        return DependentGaussian(self.phi.detach(), network)


class AutoregressiveGaussian(Family):
    """q(z; φ) = Π_d N(z_d; μ_d + f_d(z_1, …, z_{d−1}, φ), σ_d(z_1, …, z_{d−1}, φ)²), φ = (μ, s), P = 2D.

    log σ_d = 7 tanh((s_d + g_d)/7). The masked network (f, g) is shared by all points and trained with λ; it starts
    near zero, so φ = 0 is near the standard normal. The density needs one pass of the network, a sample D passes; for
    the inverse autoregressive flow it is the other way round.

    Args:
        latent_dim: D.
        hidden: hidden units of the network.

    Raises:
        UserError: ``hidden`` < 1.

    Reference: Papamakarios, Pavlakou, Murray 2017, Masked autoregressive flow for density estimation, §3.1 (one layer).
    """

    posterior: ClassVar = DependentGaussian
    support: ClassVar[str] = "real"

    def __init__(self, *, latent_dim: int, hidden: int = 64) -> None:
        super().__init__(latent_dim=latent_dim)
        at_least("posterior.hidden", hidden, 1)
        self.network = MaskedNetwork(latent_dim=latent_dim, context_dim=2 * latent_dim, outputs=2, hidden=hidden)

    @property
    def num_parameters(self) -> int:
        return 2 * self.latent_dim

    def initial(self) -> Tensor:
        return torch.zeros(self.num_parameters)

    def scale(self, phi: Tensor) -> Tensor:
        return location_scale(phi, self.latent_dim)

    def forward(self, phi: Tensor) -> DependentGaussian:
        return DependentGaussian(phi, self.network)
