"""p_θ(x, z given c) = p(x given decoder(z, c)) p_θ(z given c)."""

from collections.abc import Callable, Sequence

from torch import Tensor

from vaerun.model.base import refuse_unread
from vaerun.model.decoded import Decoded
from vaerun.model.decoder.base import Decoder
from vaerun.model.likelihood.base import Likelihood
from vaerun.model.prior.base import ConditionalPrior


class VAE(Decoded):
    """p_θ(x, z) = p(x given decoder(z)) p_θ(z): a prior, a decoder network and a likelihood.

    With a condition c of every point it is p_θ(x, z given c) = p(x given decoder(z, c)) p_θ(z given c).

    Args:
        latent_dim: D.
        prior: p_θ(z), or p_θ(z given c).
        likelihood: p(x given outputs).
        decoder: (input_dim, output_dim, output_bias) ↦ the network from z to outputs.
        data_mean: mean of the training data, Float[Tensor, "X"].
        bias_from_data: initialise the output bias with the mean of the data (for a Bernoulli likelihood: its log-odds),
            so that training starts at the best model that ignores z.
        given_names: names of the C numbers in c; empty without a condition.
        decoder_reads_given: whether the decoder reads c: p(x given z, c), or p(x given z) if only the prior and the
            encoder depend on c.
        missing: whether values of x can be missing (nan).

    Raises:
        UserError: the decoder does not read c, and the prior does not depend on it.

    Reference: Kingma, Welling 2014, Auto-encoding variational Bayes, §3; Sohn, Lee, Yan 2015, Learning structured
    output representation using deep conditional generative models, §4.
    """

    def __init__(
        self,
        *,
        latent_dim: int,
        prior: ConditionalPrior,
        likelihood: Likelihood,
        decoder: Callable[..., Decoder],
        data_mean: Tensor,
        bias_from_data: bool = True,
        given_names: Sequence[str] = (),
        decoder_reads_given: bool = True,
        missing: bool = False,
    ) -> None:
        refuse_unread(given_names, decoder=decoder_reads_given, prior=prior)
        super().__init__(
            latent_dim=latent_dim,
            prior=prior,
            likelihood=likelihood,
            decoder=decoder,
            input_dim=latent_dim + (len(given_names) if decoder_reads_given else 0),
            output_bias=likelihood.initial_outputs(data_mean) if bias_from_data else None,
            given_names=given_names,
            missing=missing,
        )
        self.decoder_reads_given = decoder_reads_given

    def outputs(self, z: Tensor, given: Tensor | None = None) -> Tensor:
        """decoder(z, c): Float[Tensor, "*K B D"] ↦ Float[Tensor, "*K B O"]."""
        reads = self.given_dim and self.decoder_reads_given
        return self.decoder(self.beside(z, given) if reads else z)
