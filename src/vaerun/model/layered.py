"""p_θ(x, z) = p(x given z_1) p_θ(z_1, …, z_L): models with layers of latents, where x depends only on z_1."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from torch import Tensor

from vaerun.errors import UserError
from vaerun.model.decoded import Decoded
from vaerun.model.decoder.base import Decoder
from vaerun.model.likelihood.base import Likelihood
from vaerun.model.prior.base import Prior


class Layered(Decoded, ABC):
    """p_θ(x, z) = p(x given decoder(read(z_1))) p_θ(z) with z = (z_1, …, z_L), the layer nearest to x first.

    Args:
        prior: p_θ(z) over all layers.
        layers: units of z_1, …, z_L.
        likelihood: p(x given outputs).
        decoder: (input_dim, output_dim, output_bias) ↦ the network from z_1 to outputs.
        output_bias: initial value of its last bias, Float[Tensor, "O"]; None keeps that of the network.
        given_names: names of the C numbers in c, which the decoder reads beside z_1; empty without a condition.
        missing: whether values of x can be missing (nan).
    """

    def __init__(
        self,
        *,
        prior: Prior,
        layers: Sequence[int],
        likelihood: Likelihood,
        decoder: Callable[..., Decoder],
        output_bias: Tensor | None,
        given_names: Sequence[str] = (),
        missing: bool = False,
    ) -> None:
        super().__init__(
            latent_dim=prior.latent_dim,
            prior=prior,
            likelihood=likelihood,
            decoder=decoder,
            input_dim=layers[0] + len(given_names),
            output_bias=output_bias,
            given_names=given_names,
            missing=missing,
        )
        self.sizes = tuple(layers)

    @property
    def latent_layers(self) -> tuple[int, ...]:
        return self.sizes

    @abstractmethod
    def read(self, z: Tensor) -> Tensor:
        """The input of the decoder as a function of z_1, same shape."""

    def outputs(self, z: Tensor, given: Tensor | None = None) -> Tensor:
        """decoder(read(z_1), c): Float[Tensor, "*K B D"] ↦ Float[Tensor, "*K B O"]."""
        read = self.read(z[..., : self.sizes[0]])
        return self.decoder(self.beside(read, given) if self.given_dim else read)


def layer_sizes(layers: Sequence[int]) -> list[int]:
    """The sizes as a list.

    Raises:
        UserError: there is no layer, or a size is below 1.
    """
    if not layers or any(size < 1 for size in layers):
        raise UserError(f"model.layers must hold one or more sizes of at least 1, got {list(layers)}.")
    return list(layers)
