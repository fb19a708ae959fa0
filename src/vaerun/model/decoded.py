"""p_θ(x, z given c) = p(x given outputs(z, c)) p_θ(z given c): models with a decoder network and a likelihood."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from vaerun.model.base import Model
from vaerun.model.decoder.base import Decoder
from vaerun.model.likelihood.base import Likelihood
from vaerun.model.prior.base import ConditionalPrior


class Decoded(Model, ABC):
    """p_θ(x, z given c) = p(x given outputs(z, c)) p_θ(z given c), where a decoder network computes the outputs.

    Args:
        latent_dim: D.
        prior: p_θ(z), or p_θ(z given c).
        likelihood: p(x given outputs).
        decoder: (input_dim, output_dim, output_bias) ↦ the network.
        input_dim: how many numbers the decoder reads.
        output_bias: initial value of its last bias, Float[Tensor, "O"]; None keeps that of the network.
        given_names: names of the C numbers in c; empty without a condition.
        missing: whether values of x can be missing (nan).
    """

    def __init__(
        self,
        *,
        latent_dim: int,
        prior: ConditionalPrior,
        likelihood: Likelihood,
        decoder: Callable[..., Decoder],
        input_dim: int,
        output_bias: Tensor | None,
        given_names: Sequence[str],
        missing: bool,
    ) -> None:
        super().__init__(latent_dim=latent_dim, prior=prior, given_names=given_names, missing=missing)
        self.likelihood = likelihood
        self.decoder = decoder(input_dim=input_dim, output_dim=likelihood.num_outputs, output_bias=output_bias)

    @property
    def is_density(self) -> bool:
        return self.likelihood.normalized

    @property
    def covariates(self) -> tuple[str, ...]:
        return self.likelihood.covariates

    @property
    def categories(self) -> Mapping[int, int]:
        return self.likelihood.categories

    @property
    def with_noise(self) -> bool:
        return self.likelihood.with_noise

    @property
    def samples_its_density(self) -> bool:
        return self.likelihood.samples_its_density

    @abstractmethod
    def outputs(self, z: Tensor, given: Tensor | None = None) -> Tensor:
        """The outputs of the decoder, from z and c: Float[Tensor, "*K B D"] ↦ Float[Tensor, "*K B O"]."""

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        outputs, values = self.outputs(z, self.given(x)), self.values(x)
        if self.missing:
            return self.likelihood.observed_log_prob(values, outputs)
        return self.likelihood.log_prob(values, outputs)

    def likelihood_gradient(self, x: Tensor, z: Tensor) -> Tensor:
        if self.missing:
            return super().likelihood_gradient(x, z)
        with torch.enable_grad():
            leaf = z.detach().requires_grad_()
            outputs = self.outputs(leaf, self.given(x))
            at_outputs = self.likelihood.output_gradient(self.values(x), outputs.detach())
            (gradient,) = torch.autograd.grad(outputs, leaf, at_outputs)
        return gradient

    def terms(self, x: Tensor, z: Tensor) -> Tensor:
        return self.likelihood.terms(self.values(x), self.outputs(z, self.given(x)))

    def terms_of_each(self, values: Iterable[Tensor], z: Tensor, given: Tensor | None = None) -> Iterator[Tensor]:
        outputs = self.outputs(z, given)  # once for all
        return (self.likelihood.terms(x, outputs) for x in values)

    def mean(self, z: Tensor, given: Tensor | None = None) -> Tensor:
        return self.likelihood.mean(self.outputs(z, given))

    def mean_like(self, x: Tensor, z: Tensor) -> Tensor:
        return self.likelihood.mean_like(self.values(x), self.outputs(z, self.given(x)))

    def moments(self, z: Tensor, given: Tensor | None = None) -> tuple[Tensor, Tensor]:
        outputs = self.outputs(z, given)
        return self.likelihood.mean(outputs), self.likelihood.variance(outputs)

    @torch.no_grad()
    def observe(self, z: Tensor, given: Tensor | None = None) -> Tensor:
        return self.likelihood.sample(self.outputs(z, given))

    @torch.no_grad()
    def observe_like(self, x: Tensor, z: Tensor) -> Tensor:
        return self.likelihood.sample_like(self.values(x), self.outputs(z, self.given(x)))
