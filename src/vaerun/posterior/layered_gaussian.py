"""q(z; φ) = N(z_1; μ, diag σ²) Π_l N(z_l; μ_l(z_{l−1}), diag σ_l²(z_{l−1})): layers of normals."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from vaerun.nn.bounded_scale import bounded_log_scale, location_scale
from vaerun.nn.initial_weights.base import InitialWeights
from vaerun.nn.initial_weights.pytorch import PYTORCH
from vaerun.nn.network import mlp
from vaerun.nn.normal import HALF_LOG_2PI, normal_log_prob
from vaerun.posterior.base import Family, Reparameterized
from vaerun.posterior.layers import near_zero, sizes_of_layers
from vaerun.posterior.masked import constant


class LayeredNormals(Reparameterized):
    """N(z_1; μ, diag σ²) Π_l N(z_l; μ_l(z_{l−1}), diag σ_l²(z_{l−1})).

    Args:
        mu: μ, Float[Tensor, "B D_1"].
        log_sigma: log σ, Float[Tensor, "B D_1"].
        sizes: D_1, …, D_L.
        maps: for every l > 1, z_{l−1} ↦ (μ_l, s_l) with log σ_l = 7 tanh(s_l / 7), Float[Tensor, "K B 2D_l"].
    """

    def __init__(
        self, mu: Tensor, log_sigma: Tensor, sizes: Sequence[int], maps: Sequence[Callable[[Tensor], Tensor]]
    ) -> None:
        self.mu, self.log_sigma = mu, log_sigma
        self.sizes, self.maps = list(sizes), list(maps)

    def noise(self, k: int) -> Tensor:
        return torch.randn(k, len(self.mu), sum(self.sizes), device=self.mu.device, dtype=self.mu.dtype)

    def transport(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """z_l = μ_l + σ_l ε_l, one layer after the other."""
        first, *others = noise.split(self.sizes, dim=-1)
        layers = [self.mu + self.log_sigma.exp() * first]
        log_scale = self.log_sigma.sum(-1)
        for part, read in zip(others, self.maps, strict=True):
            mu, log_sigma = conditional(read, layers[-1])
            layers.append(mu + log_sigma.exp() * part)
            log_scale = log_scale + log_sigma.sum(-1)
        return torch.cat(layers, -1), -(0.5 * noise.square() + HALF_LOG_2PI).sum(-1) - log_scale

    @torch.no_grad()
    def sample(self, k: int) -> Tensor:
        return self.transport(self.noise(k))[0]

    def log_prob(self, z: Tensor) -> Tensor:
        layers = z.split(self.sizes, dim=-1)
        log_q = normal_log_prob(layers[0], self.mu, self.log_sigma)
        for (below, here), read in zip(pairwise(layers), self.maps, strict=True):
            log_q = log_q + normal_log_prob(here, *conditional(read, below))
        return log_q

    def frozen(self) -> "LayeredNormals":
        maps = [constant(read) if isinstance(read, nn.Module) else read for read in self.maps]
        return LayeredNormals(self.mu.detach(), self.log_sigma.detach(), self.sizes, maps)


class LayeredGaussian(Family):
    """q(z; φ) = N(z_1; μ, diag σ²) Π_l N(z_l; μ_l(z_{l−1}), diag σ_l²(z_{l−1})), φ = (μ, s), P = 2 D_1.

    z = (z_1, …, z_L) has the layers of ``model=hierarchical``, the layer nearest to x first, and log σ = 7 tanh(s / 7).
    Given z_1, the layers above do not depend on x. The networks z_{l−1} ↦ (μ_l, σ_l) are shared by all points and
    trained with λ. They start near zero, so φ = 0 is near the standard normal. A sample and its density need one pass
    of each network.

    Args:
        latent_dim: D = D_1 + … + D_L.
        latent_layers: D_1, …, D_L; empty for a model without layers: z_1 and z_2 are then the halves of z.
        hidden: units of the hidden layers of each network.
        activation: of the networks, by name.
        initial_weights: of their affine maps; the last map of each is multiplied by 0.01.

    Raises:
        UserError: the layers do not have D coordinates together, no activation of that name, or a layer without units.

    Reference: Rezende, Mohamed, Wierstra 2014, Stochastic backpropagation and approximate inference in deep generative
    models, §2; Burda, Grosse, Salakhutdinov 2016, Importance weighted autoencoders, eq. 1.
    """

    posterior: ClassVar = LayeredNormals
    support: ClassVar[str] = "real"

    def __init__(
        self,
        *,
        latent_dim: int,
        latent_layers: Sequence[int] = (),
        hidden: Sequence[int] = (100,),
        activation: str = "tanh",
        initial_weights: InitialWeights = PYTORCH,
    ) -> None:
        super().__init__(latent_dim=latent_dim)
        self.layers = sizes_of_layers("layered_gaussian", latent_dim, latent_layers)
        self.maps = nn.ModuleList(
            near_zero(mlp([below, *hidden, 2 * here], activation, initial_weights))
            for below, here in pairwise(self.layers)
        )

    @property
    def num_parameters(self) -> int:
        return 2 * self.layers[0]

    def initial(self) -> Tensor:
        return torch.zeros(self.num_parameters)

    def scale(self, phi: Tensor) -> Tensor:
        return location_scale(phi, self.layers[0])

    def forward(self, phi: Tensor) -> LayeredNormals:
        mu, raw = phi.chunk(2, dim=-1)
        return LayeredNormals(mu, bounded_log_scale(raw), self.layers, list(self.maps))


def conditional(read: Callable[[Tensor], Tensor], below: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and log σ of a layer given the one below it, each Float[Tensor, "K B D"]."""
    mu, raw = read(below).chunk(2, dim=-1)
    return mu, bounded_log_scale(raw)
