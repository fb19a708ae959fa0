"""q(z; φ) = Bernoulli(z_1; σ(φ)) Π_l Bernoulli(z_l; σ(f_l(2 z_{l−1} − 1))): layers of bits."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from vaerun.nn.initial_weights.base import InitialWeights
from vaerun.nn.initial_weights.pytorch import PYTORCH
from vaerun.nn.network import mlp
from vaerun.posterior.base import Enumerable, Family, LayeredRelaxable
from vaerun.posterior.bernoulli import IndependentBernoulli, corners, inverse_fisher_of_logits
from vaerun.posterior.layers import near_zero, sizes_of_layers
from vaerun.posterior.masked import constant


class LayeredBernoullis(LayeredRelaxable, Enumerable):
    """Bernoulli(z_1; σ(logits)) Π_l Bernoulli(z_l; σ(f_l(2 z_{l−1} − 1))) over z in {0, 1}^D.

    Args:
        logits: of z_1, Float[Tensor, "B D_1"].
        sizes: D_1, …, D_L.
        maps: f_l for every l > 1, Float[Tensor, "K B D_{l−1}"] ↦ Float[Tensor, "K B D_l"].
    """

    def __init__(self, logits: Tensor, sizes: Sequence[int], maps: Sequence[Callable[[Tensor], Tensor]]) -> None:
        self.logits, self.sizes, self.maps = logits, tuple(sizes), list(maps)

    def layer(self, index: int, below: Tensor | None) -> IndependentBernoulli:
        if below is None:
            return IndependentBernoulli(self.logits)
        return IndependentBernoulli(self.maps[index - 1](2 * below - 1))

    def noise(self, k: int) -> Tensor:
        every_bit = self.logits.new_empty(len(self.logits), sum(self.sizes))
        return IndependentBernoulli(every_bit).noise(k)

    @torch.no_grad()
    def sample(self, k: int) -> Tensor:
        layers: list[Tensor] = []
        for index, part in enumerate(self.noise(k).split(self.sizes, dim=-1)):
            q = self.layer(index, layers[-1] if layers else None)
            layers.append(q.harden(q.perturb(part)))
        return torch.cat(layers, -1)

    def log_prob(self, z: Tensor) -> Tensor:
        layers = z.split(self.sizes, dim=-1)
        log_q = self.layer(0, None).log_prob(layers[0])
        for index, (below, here) in enumerate(pairwise(layers), 1):
            log_q = log_q + self.layer(index, below).log_prob(here)
        return log_q

    def frozen(self) -> "LayeredBernoullis":
        maps = [constant(read) if isinstance(read, nn.Module) else read for read in self.maps]
        return LayeredBernoullis(self.logits.detach(), self.sizes, maps)

    @property
    def support_size(self) -> int:
        """2^D."""
        return 2 ** sum(self.sizes)

    def support(self) -> Tensor:
        """All 2^D values, Float[Tensor, "S B D"]."""
        return corners(self.logits.new_empty(len(self.logits), sum(self.sizes)))


class LayeredBernoulli(Family):
    """q(z; φ) = Bernoulli(z_1; σ(φ)) Π_l Bernoulli(z_l; σ(f_l(2 z_{l−1} − 1))) over z in {0, 1}^D, P = D_1.

    z = (z_1, …, z_L) has the layers of ``model=sigmoid_belief``, the layer nearest to x first. Given z_1, the layers
    above do not depend on x. The networks f_l are shared by all points and trained with λ. They start near zero, so
    φ = 0 is near probability ½.

    Args:
        latent_dim: D = D_1 + … + D_L.
        latent_layers: D_1, …, D_L; empty for a model without layers: z_1 and z_2 are then the halves of z.
        hidden: units of the hidden layers of each network; empty for an affine map.
        activation: of the networks, by name.
        initial_weights: of their affine maps; the last map of each is multiplied by 0.01.

    Raises:
        UserError: the layers do not have D coordinates together, no activation of that name, or a layer without units.

    Reference: Mnih, Gregor 2014, Neural variational inference and learning in belief networks, §4; Tucker et al. 2017,
    REBAR: low-variance, unbiased gradient estimates for discrete latent variable models.
    """

    posterior: ClassVar = LayeredBernoullis
    support: ClassVar[str] = "binary"

    def __init__(
        self,
        *,
        latent_dim: int,
        latent_layers: Sequence[int] = (),
        hidden: Sequence[int] = (),
        activation: str = "tanh",
        initial_weights: InitialWeights = PYTORCH,
    ) -> None:
        super().__init__(latent_dim=latent_dim)
        self.layers = sizes_of_layers("layered_bernoulli", latent_dim, latent_layers)
        self.maps = nn.ModuleList(
            near_zero(mlp([below, *hidden, here], activation, initial_weights)) for below, here in pairwise(self.layers)
        )

    @property
    def num_parameters(self) -> int:
        return self.layers[0]

    @property
    def num_layers(self) -> int:
        return len(self.layers)

    def initial(self) -> Tensor:
        return torch.zeros(self.num_parameters)

    def inverse_fisher(self, phi: Tensor) -> Tensor:
        """That of z_1: given z_1, the layers above do not depend on φ."""
        return inverse_fisher_of_logits(phi)

    def forward(self, phi: Tensor) -> LayeredBernoullis:
        return LayeredBernoullis(phi, self.layers, list(self.maps))
