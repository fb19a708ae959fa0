"""q(z; φ) = Π_d Bernoulli(z_d; σ(φ_d + f_d(z_1, …, z_{d−1}, φ)))."""

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from vaerun.config.ranges import at_least
from vaerun.nn.bounded_scale import bounded_log_scale
from vaerun.posterior.base import Enumerable, Family
from vaerun.posterior.bernoulli import corners
from vaerun.posterior.masked import MaskedNetwork


class DependentBernoulli(Enumerable):
    """Π_d Bernoulli(z_d; σ(offset_d + f_d(z_1, …, z_{d−1}))) over z in {0, 1}^D.

    Args:
        offset: Float[Tensor, "B D"].
        network: f, from z and the offsets, Float[Tensor, "K B D 1"].
    """

    def __init__(self, offset: Tensor, network: Callable[[Tensor, Tensor], Tensor]) -> None:
        self.offset, self.network = offset, network
        self.context = bounded_log_scale(offset)

    def logits(self, z: Tensor) -> Tensor:
        """The logit of each bit given the bits before it, Float[Tensor, "K B D"]."""
        return self.offset + self.network(z, self.context).squeeze(-1)

    @torch.no_grad()
    def sample(self, k: int) -> Tensor:
        u = torch.rand(k, *self.offset.shape, device=self.offset.device, dtype=self.offset.dtype)
        z = torch.zeros_like(u)
        for d in range(u.shape[-1]):
            z[..., d] = (u[..., d] < self.logits(z)[..., d].sigmoid()).to(z.dtype)
        return z

    def log_prob(self, z: Tensor) -> Tensor:
        logits = self.logits(z)
        return (z * logits + logsigmoid(-logits)).sum(-1)

    @property
    def support_size(self) -> int:
        """2^D."""
        return 2 ** self.offset.shape[-1]

    def support(self) -> Tensor:
        """All 2^D values, Float[Tensor, "S B D"]."""
        return corners(self.offset)


class AutoregressiveBernoulli(Family):
    """q(z; φ) = Π_d Bernoulli(z_d; σ(φ_d + f_d(z_1, …, z_{d−1}, φ))) over z in {0, 1}^D, P = D.

    The masked network f is shared by all points and trained with λ; it starts near zero, so φ = 0 is near probability
    ½. The density needs one pass of f, a sample D passes.

    Args:
        latent_dim: D.
        hidden: hidden units of f.

    Raises:
        UserError: ``hidden`` < 1.

    Reference: Gregor et al. 2014, Deep autoregressive networks; Germain et al. 2015, MADE: masked autoencoder for
    distribution estimation, §4.
    """

    posterior: ClassVar = DependentBernoulli
    support: ClassVar[str] = "binary"
    contains_posterior: ClassVar[bool] = True

    def __init__(self, *, latent_dim: int, hidden: int = 64) -> None:
        super().__init__(latent_dim=latent_dim)
        at_least("posterior.hidden", hidden, 1)
        self.network = MaskedNetwork(latent_dim=latent_dim, context_dim=latent_dim, outputs=1, hidden=hidden)

    @property
    def num_parameters(self) -> int:
        return self.latent_dim

    def initial(self) -> Tensor:
        return torch.zeros(self.num_parameters)

    def forward(self, phi: Tensor) -> DependentBernoulli:
        return DependentBernoulli(phi, self.network)
