"""p(z) = (1/M) Σ_m q(z; f_λ(u_m)), the u_m learned."""

import math
from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn

from vaerun.config.ranges import at_least
from vaerun.errors import UserError
from vaerun.model.prior.base import Prior
from vaerun.nn.units import Units
from vaerun.notation import Column


class Component(Protocol):
    """q(z; φ) of several points with samples and log-density; every ``Posterior`` has this interface."""

    def sample(self, k: int) -> Tensor:
        """K draws of each point's z, Float[Tensor, "K B D"]."""

    def log_prob(self, z: Tensor) -> Tensor:
        """log q(z; φ), Float[Tensor, "K B"]."""


class Vamp(Prior):
    """p(z) = (1/M) Σ_m q(z; f_λ(u_m)): the encoder's average posterior at M learned pseudo-inputs.

    The u_m, Float[Tensor, "M X"], are part of θ and start at random, with the mean and standard deviation of
    the data; they are not bounded, and none of their values is missing. With a condition c, u_m has C numbers more,
    which start between 0 and 1 and are learned, so p(z) is the same for every c. The encoder is not part of θ, but p(z)
    depends on λ, too. Each evaluation of p(z) encodes all M pseudo-inputs.

    Args:
        latent_dim: D.
        data_dim: X.
        data_mean: mean of the training data, Float[Tensor, "X"].
        data_std: their pooled standard deviation.
        guide: x ↦ q(z; f_λ(x)), called only after the encoder is built; None without an encoder.
        given_dim: C.
        num_components: M.
        columns: those of x, if the data declare them; the u_m then have the mean and standard deviation of each.

    Raises:
        UserError: there is no encoder, M < 1, or a column does not hold real numbers.

    Reference: Tomczak, Welling 2018, VAE with a VampPrior, §2.
    """

    support: ClassVar[str] = "real"
    data_mean: Tensor

    def __init__(
        self,
        *,
        latent_dim: int,
        data_dim: int,
        data_mean: Tensor,
        data_std: float,
        guide: Callable[[Tensor], Component] | None,
        given_dim: int = 0,
        num_components: int = 500,
        columns: Sequence[Column] = (),
    ) -> None:
        super().__init__(latent_dim=latent_dim)
        if guide is None:
            raise UserError(
                "model/prior=vamp needs an encoder, because its components are q(z; f_λ(u)): use strategy=amortized."
            )
        at_least("model.prior.num_components", num_components, 1)
        if odd := [column for column in columns if column.kind not in ("real", "positive")]:
            raise UserError(
                f"model/prior=vamp needs columns of real numbers, because its pseudo-inputs are real, but the column "
                f"{odd[0].name!r} is {odd[0].kind}: use model/prior=standard_normal or mixture_of_gaussians."
            )
        self.units = Units([column._replace(standardised=True, width=0.0) for column in columns])
        self.guide = guide
        self.register_buffer("data_mean", data_mean.clone())
        self.data_std = data_std
        self.standardised = nn.Parameter(torch.randn(num_components, data_dim))
        self.conditions = nn.Parameter(torch.rand(num_components, given_dim)) if given_dim else None

    def pseudo_inputs(self) -> Tensor:
        """u_m, Float[Tensor, "M X+C"]."""
        x = self.data_mean + self.data_std * self.standardised
        if self.units.changes:
            x = self.units.inverse(self.standardised)
        return x if self.conditions is None else torch.cat((x, self.conditions), 1)

    def log_prob(self, z: Tensor) -> Tensor:
        q = self.guide(self.pseudo_inputs())
        rows = z.reshape(-1, 1, self.latent_dim)
        log_components = q.log_prob(rows.expand(-1, len(self.standardised), -1))
        return log_components.logsumexp(1).reshape(z.shape[:-1]) - math.log(len(self.standardised))

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        m = torch.randint(len(self.standardised), (n,), device=self.standardised.device)
        return self.guide(self.pseudo_inputs()[m]).sample(1)[0]
