"""p_θ(x, z) = p(x given z_1) Π_l Bernoulli(z_l; σ(A_l z_{l+1} + b_l)) p(z_L), z in {0, 1}."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from vaerun.model.decoder.base import Decoder
from vaerun.model.layered import Layered, layer_sizes
from vaerun.model.likelihood.base import Likelihood
from vaerun.model.prior.base import Prior
from vaerun.nn.initial_weights.base import InitialWeights
from vaerun.nn.initial_weights.pytorch import PYTORCH


def centred(z: Tensor) -> Tensor:
    """2z − 1 in {−1, 1}: it has mean 0 for probability ½, and affine maps of it are as general as those of z."""
    return 2 * z - 1


class BeliefPrior(Prior):
    """p_θ(z) = p(z_L) Π_l Bernoulli(z_l; σ(A_l (2 z_{l+1} − 1) + b_l)) over z = (z_1, …, z_L) in {0, 1}^D.

    Args:
        top: p(z_L).
        layers: units of z_1, …, z_L.
        initial_weights: of A_l and b_l.
    """

    support: ClassVar[str] = "binary"

    def __init__(self, *, top: Prior, layers: Sequence[int], initial_weights: InitialWeights = PYTORCH) -> None:
        super().__init__(latent_dim=sum(layers))
        self.top = top
        self.layers = list(layers)
        maps = [nn.Linear(above, below) for below, above in pairwise(layers)]
        for layer in maps:
            initial_weights.fill(layer)
        self.maps = nn.ModuleList(maps)

    def log_prob(self, z: Tensor) -> Tensor:
        *_, highest = layers = z.split(self.layers, dim=-1)
        log_p = self.top.log_prob(highest)
        for below, above, read in zip(layers[:-1], layers[1:], self.maps, strict=True):
            logits = read(centred(above))
            log_p = log_p + (below * logits + logsigmoid(-logits)).sum(-1)
        return log_p

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        layers = [self.top.sample(n)]
        for read in reversed(self.maps):
            logits = read(centred(layers[0]))
            layers.insert(0, (torch.rand_like(logits) < logits.sigmoid()).to(logits.dtype))
        return torch.cat(layers, -1)


class SigmoidBelief(Layered):
    """p_θ(x, z) = p(x given z_1) Π_l Bernoulli(z_l; σ(A_l (2 z_{l+1} − 1) + b_l)) p(z_L): a sigmoid belief network.

    z = (z_1, …, z_L) contains the bits of all layers, the layer nearest to x first; the posterior is over all of
    them. The maps use 2z − 1 instead of z, which gives the same family of models. Relaxations use the same formulas at
    relaxed z in [0, 1].

    Args:
        prior: latent_dim ↦ p(z_L), of the top layer.
        likelihood: p(x given outputs).
        decoder: (input_dim, output_dim, output_bias) ↦ the network from z_1 to outputs.
        data_mean: mean of the training data, Float[Tensor, "X"].
        layers: units of z_1, …, z_L.
        initial_weights: of the affine maps A_l, b_l between two layers.
        bias_from_data: initialise the output bias with the mean of the data.
        given_names: names of the C numbers in c, which the decoder reads beside z_1; empty without a condition.
        missing: whether values of x can be missing (nan).

    Raises:
        UserError: there is no layer, or a size is below 1.

    Reference: Neal 1992, Connectionist learning of belief networks; Mnih, Gregor 2014, Neural variational inference and
    learning in belief networks, §4.
    """

    support: ClassVar[str] = "binary"

    def __init__(
        self,
        *,
        prior: Callable[..., Prior],
        likelihood: Likelihood,
        decoder: Callable[..., Decoder],
        data_mean: Tensor,
        layers: Sequence[int] = (200,),
        initial_weights: InitialWeights = PYTORCH,
        bias_from_data: bool = True,
        given_names: Sequence[str] = (),
        missing: bool = False,
    ) -> None:
        sizes = layer_sizes(layers)
        top = prior(latent_dim=sizes[-1])
        super().__init__(
            # One layer is the top prior itself, which has closed forms.
            prior=top if len(sizes) == 1 else BeliefPrior(top=top, layers=sizes, initial_weights=initial_weights),
            layers=sizes,
            likelihood=likelihood,
            decoder=decoder,
            output_bias=likelihood.initial_outputs(data_mean) if bias_from_data else None,
            given_names=given_names,
            missing=missing,
        )

    def read(self, z: Tensor) -> Tensor:
        return centred(z)
