"""p_θ(z given c) = N(z; μ(c), diag σ²(c)), learned."""

from collections.abc import Sequence
from typing import ClassVar, final

import torch
from torch import Tensor

from vaerun.errors import UserError
from vaerun.model.prior.base import ConditionalPrior, IndependentNormal, PriorDensity
from vaerun.nn.bounded_scale import bounded_log_scale
from vaerun.nn.network import last_map, mlp
from vaerun.nn.normal import normal_log_prob


@final
class DiagonalNormal(IndependentNormal):
    """p(z) = N(z; μ, diag σ²) of each of B points.

    Args:
        mu: μ, Float[Tensor, "B D"].
        log_sigma: log σ, Float[Tensor, "B D"].
    """

    def __init__(self, mu: Tensor, log_sigma: Tensor) -> None:
        self.mu, self.log_sigma = mu, log_sigma
        self.latent_dim = mu.shape[-1]

    def log_prob(self, z: Tensor) -> Tensor:
        return normal_log_prob(z, self.mu, self.log_sigma)

    def standardised(self, location: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor]:
        return (location - self.mu) * (-self.log_sigma).exp(), log_scale - self.log_sigma

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        noise = torch.randn(n, self.latent_dim, device=self.mu.device, dtype=self.mu.dtype)
        return self.mu + self.log_sigma.exp() * noise


@final
class ConditionalNormal(ConditionalPrior):
    """p_θ(z given c) = N(z; μ(c), diag σ²(c)) with (μ, s) = network(c) and log σ = 7 tanh(s / 7).

    The network is part of θ and starts near p(z given c) = N(0, I) for every c. If c is one class as a one-hot vector
    and there are no hidden layers, each class has its own mean and variance.

    Args:
        latent_dim: D.
        given_dim: C, the numbers in c.
        hidden: units of the hidden layers; [] makes μ and s affine functions of c.
        activation: of the hidden layers, by name.

    Raises:
        UserError: there is no condition, no activation of that name, or a layer without units.

    Reference: Sohn, Lee, Yan 2015, Learning structured output representation using deep conditional generative models,
    eq. 4 (its prior p(z given x)); Khemakhem et al. 2020, Variational autoencoders and nonlinear ICA, eq. 7.
    """

    support: ClassVar[str] = "real"
    density: ClassVar[type[PriorDensity]] = DiagonalNormal

    def __init__(
        self, *, latent_dim: int, given_dim: int = 0, hidden: Sequence[int] = (), activation: str = "tanh"
    ) -> None:
        super().__init__(latent_dim=latent_dim)
        if not given_dim:
            raise UserError(
                "model/prior=conditional_normal needs data with a condition: use data.condition=y, or "
                "model/prior=standard_normal."
            )
        self.layers = mlp([given_dim, *hidden, 2 * latent_dim], activation)
        last = last_map(self.layers)
        with torch.no_grad():
            last.weight.mul_(0.1)
            last.bias.zero_()

    def given(self, c: Tensor | None) -> DiagonalNormal:
        assert c is not None
        mu, raw = self.layers(c).chunk(2, dim=-1)
        return DiagonalNormal(mu, bounded_log_scale(raw))
