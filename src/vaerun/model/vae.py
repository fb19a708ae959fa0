"""p_θ(x, z) = p(x given decoder(z)) p_θ(z)."""

from collections.abc import Callable

import torch
from torch import Tensor

from vaerun.model.base import Model
from vaerun.model.decoder.base import Decoder
from vaerun.model.likelihood.base import Likelihood
from vaerun.model.prior.base import Prior


class VAE(Model):
    """p_θ(x, z) = p(x given decoder(z)) p_θ(z): a prior, a decoder network and a likelihood.

    Args:
        latent_dim: D.
        prior: p_θ(z).
        likelihood: p(x given outputs).
        decoder: (input_dim, output_dim, output_bias) ↦ the network from z to outputs.
        data_mean: mean of the training data, Float[Tensor, "X"].
        bias_from_data: initialise the output bias with the mean of the data (for a Bernoulli likelihood: its log-odds),
            so that training starts at the best model that ignores z.

    Reference: Kingma, Welling 2014, Auto-encoding variational Bayes, §3.
    """

    def __init__(
        self,
        *,
        latent_dim: int,
        prior: Prior,
        likelihood: Likelihood,
        decoder: Callable[..., Decoder],
        data_mean: Tensor,
        bias_from_data: bool = True,
    ) -> None:
        super().__init__(latent_dim=latent_dim, prior=prior)
        self.likelihood = likelihood
        self.decoder = decoder(
            input_dim=latent_dim,
            output_dim=likelihood.num_outputs,
            output_bias=likelihood.initial_outputs(data_mean) if bias_from_data else None,
        )

    @property
    def is_density(self) -> bool:
        return self.likelihood.normalized

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        return self.likelihood.log_prob(x, self.decoder(z))

    def mean(self, z: Tensor) -> Tensor:
        return self.likelihood.mean(self.decoder(z))

    @torch.no_grad()
    def observe(self, z: Tensor) -> Tensor:
        return self.likelihood.sample(self.decoder(z))
