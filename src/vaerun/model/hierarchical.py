"""p_θ(x, z) = p(x given z_1) Π_l N(z_l; μ_l(z_{l+1}), diag σ_l²(z_{l+1})) N(z_L; 0, I)."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from vaerun.model.decoder.base import Decoder
from vaerun.model.layered import Layered, layer_sizes
from vaerun.model.likelihood.base import Likelihood
from vaerun.model.prior.base import Prior
from vaerun.model.prior.standard_normal import StandardNormal
from vaerun.nn.bounded_scale import bounded_log_scale
from vaerun.nn.initial_weights.base import InitialWeights
from vaerun.nn.initial_weights.pytorch import PYTORCH
from vaerun.nn.network import mlp
from vaerun.nn.normal import normal_log_prob


class LayeredNormal(Prior):
    """p_θ(z) = N(z_L; 0, I) Π_l N(z_l; μ_l(z_{l+1}), diag σ_l²(z_{l+1})) over z = (z_1, …, z_L), by networks.

    Args:
        layers: units of z_1, …, z_L.
        hidden: units of the hidden layers of each network.
        activation: of the networks, by name.
        initial_weights: of their affine maps.
    """

    support: ClassVar[str] = "real"

    def __init__(
        self,
        *,
        layers: Sequence[int],
        hidden: Sequence[int],
        activation: str,
        initial_weights: InitialWeights = PYTORCH,
    ) -> None:
        super().__init__(latent_dim=sum(layers))
        self.top = StandardNormal(latent_dim=layers[-1])
        self.layers = list(layers)
        self.maps = nn.ModuleList(
            mlp([above, *hidden, 2 * below], activation, initial_weights) for below, above in pairwise(layers)
        )

    def log_prob(self, z: Tensor) -> Tensor:
        *_, highest = layers = z.split(self.layers, dim=-1)
        log_p = self.top.log_prob(highest)
        for below, above, read in zip(layers[:-1], layers[1:], self.maps, strict=True):
            mu, raw = read(above).chunk(2, dim=-1)
            log_p = log_p + normal_log_prob(below, mu, bounded_log_scale(raw))
        return log_p

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        layers = [self.top.sample(n)]
        for read in reversed(self.maps):
            mu, raw = read(layers[0]).chunk(2, dim=-1)
            layers.insert(0, mu + bounded_log_scale(raw).exp() * torch.randn_like(mu))
        return torch.cat(layers, -1)


class Hierarchical(Layered):
    """p_θ(x, z) = p(x given z_1) Π_l N(z_l; μ_l(z_{l+1}), diag σ_l²(z_{l+1})) N(z_L; 0, I).

    z = (z_1, …, z_L) contains the latents of all layers, the layer nearest to x first. The posterior is a family over
    all of z: ``posterior=layered_gaussian`` has the layers of the papers, other families do not.

    Args:
        likelihood: p(x given outputs).
        decoder: (input_dim, output_dim, output_bias) ↦ the network from z_1 to outputs.
        data_mean: mean of the training data, Float[Tensor, "X"].
        layers: units of z_1, …, z_L.
        hidden: units of the hidden layers of the networks between them.
        activation: of these networks, by name.
        initial_weights: of the affine maps of these networks.
        bias_from_data: initialise the output bias with the mean of the data.
        given_names: names of the C numbers in c, which the decoder reads beside z_1; empty without a condition.
        missing: whether values of x can be missing (nan).

    Raises:
        UserError: there is no layer, a size is below 1, or there is no activation of that name.

    Reference: Rezende et al. 2014, Stochastic backpropagation, §2; Burda et al. 2016, Importance weighted autoencoders,
    §5 (two stochastic layers).
    """

    support: ClassVar[str] = "real"

    def __init__(
        self,
        *,
        likelihood: Likelihood,
        decoder: Callable[..., Decoder],
        data_mean: Tensor,
        layers: Sequence[int] = (20, 10),
        hidden: Sequence[int] = (100,),
        activation: str = "tanh",
        initial_weights: InitialWeights = PYTORCH,
        bias_from_data: bool = True,
        given_names: Sequence[str] = (),
        missing: bool = False,
    ) -> None:
        sizes = layer_sizes(layers)
        stacked = len(sizes) > 1  # one layer is N(0, I) itself, which has closed forms
        super().__init__(
            prior=LayeredNormal(layers=sizes, hidden=hidden, activation=activation, initial_weights=initial_weights)
            if stacked
            else StandardNormal(latent_dim=sizes[0]),
            layers=sizes,
            likelihood=likelihood,
            decoder=decoder,
            output_bias=likelihood.initial_outputs(data_mean) if bias_from_data else None,
            given_names=given_names,
            missing=missing,
        )

    def read(self, z: Tensor) -> Tensor:
        return z
