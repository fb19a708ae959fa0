"""p_θ(x, z given c) = p_θ(x given z, c) p_θ(z given c): the interface of generative models."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from vaerun.config.ranges import at_least
from vaerun.errors import UserError
from vaerun.model.prior.base import ConditionalPrior, PriorDensity


class Model(nn.Module, ABC):
    """p_θ(x, z given c) = p_θ(x given z, c) p_θ(z given c), where θ are the parameters of this module.

    c is what the model conditions on: C numbers for each point, which follow its X values in a row, so that data points
    are Float[Tensor, "B X+C"]. Without a condition C = 0, rows are Float[Tensor, "B X"], and p_θ(x, z) = p_θ(x given z)
    p_θ(z).

    Args:
        latent_dim: D, 1 or more.
        prior: p_θ(z), or p_θ(z given c).
        given_names: names of the C numbers.
        missing: whether values of x can be missing. They are nan, and every density is that of the observed values.

    Raises:
        UserError: D < 1.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """A class with its own p_θ(x given z) and no gradient of its own takes the derivative of that density."""
        super().__init_subclass__(**kwargs)
        if "log_likelihood" in vars(cls) and "likelihood_gradient" not in vars(cls):
            cls.likelihood_gradient = Model.likelihood_gradient  # type: ignore[method-assign]

    def __init__(
        self,
        *,
        latent_dim: int,
        prior: ConditionalPrior,
        given_names: Sequence[str] = (),
        missing: bool = False,
    ) -> None:
        super().__init__()
        at_least("model.latent_dim", latent_dim, 1)
        if prior.latent_dim != latent_dim:
            raise UserError(
                f"the latent_dim of the prior must be that of the model, {latent_dim}, got {prior.latent_dim}: make "
                "both with the same number."
            )
        self.latent_dim = latent_dim
        self.prior = prior
        self.given_names = tuple(given_names)
        self.missing = missing

    @property
    @abstractmethod
    def is_density(self) -> bool:
        """Whether p_θ(x given z, c) is normalised over x, so that its ELBO bounds log p(x given c)."""

    @property
    def given_dim(self) -> int:
        """C."""
        return len(self.given_names)

    @property
    def latent_layers(self) -> tuple[int, ...]:
        """The numbers of coordinates of z_1, …, z_L, where z has layers, that nearest to x first; empty without."""
        return ()

    @property
    def covariates(self) -> tuple[str, ...]:
        """What p(x given z) is conditioned on besides z and c, in words."""
        return ()

    @property
    def categories(self) -> Mapping[int, int]:
        """Coordinate j ↦ the number of its categories, where x_j is the code of a category, which has no mean."""
        return {}

    @property
    def with_noise(self) -> bool:
        """Whether uniform noise wu, u ~ U[0, 1)^X, is added to x, as wide as the grid on which x lies.

        p_θ is then the density of x + wu per cell of the grid: of its volume in x, times Π_j w_j. Its mean over u is
        the probability of the cell, so E_u[log p_θ(x + wu)] ≤ log P(x) (Theis, van den Oord, Bethge 2016, §3.1). A
        lower bound on the left is one on the right; an upper bound is not.
        """
        return False

    @property
    def target(self) -> str:
        """What log p_θ is the density of, in words: ``x``, ``x given y``, …; a bound is named by it."""
        names = dict.fromkeys(name.partition("=")[0] for name in self.given_names)
        conditions = [*names, *self.covariates]
        what = f"{'the observed part of ' if self.missing else ''}x{' + noise' if self.with_noise else ''}"
        listed = " and ".join([*filter(None, [", ".join(conditions[:-1])]), *conditions[-1:]])
        return f"{what} given {listed}" if conditions else what

    def values(self, x: Tensor) -> Tensor:
        """The values of x without c: Float[Tensor, "*B X+C"] ↦ Float[Tensor, "*B X"]."""
        return x[..., : x.shape[-1] - self.given_dim] if self.given_dim else x

    def given(self, x: Tensor) -> Tensor | None:
        """c of the rows: Float[Tensor, "*B X+C"] ↦ Float[Tensor, "*B C"]; None without a condition."""
        return x[..., x.shape[-1] - self.given_dim :] if self.given_dim else None

    def row(self, values: Tensor, given: Tensor | None) -> Tensor:
        """x and c in one row: Float[Tensor, "*B X"], Float[Tensor, "*B C"] ↦ Float[Tensor, "*B X+C"]."""
        return self.beside(values, given) if self.given_dim else values

    def beside(self, z: Tensor, given: Tensor | None) -> Tensor:
        """(z, c): Float[Tensor, "*K B D"], Float[Tensor, "B C"] ↦ Float[Tensor, "*K B D+C"].

        Raises:
            UserError: the model has a condition, and c is not given.
        """
        c = self.needed(given)
        return torch.cat((z, c.to(z).expand(*z.shape[:-1], -1)), -1)

    def needed(self, given: Tensor | None) -> Tensor:
        """c.

        Raises:
            UserError: it is not given, or has not C numbers.
        """
        if given is None or given.shape[-1] != self.given_dim:
            found = "nothing" if given is None else f"the shape {list(given.shape)}"
            needed = "number" if self.given_dim == 1 else f"{self.given_dim} numbers"
            raise UserError(
                f"this model needs the {needed} {', '.join(self.given_names)} of every point, got {found}: give "
                f"them as a tensor [N, {self.given_dim}]."
            )
        return given

    @property
    def samples_its_density(self) -> bool:
        """Whether ``sample`` draws x from the density that ``log_joint`` evaluates at this x."""
        return True

    @abstractmethod
    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """log p_θ(x given z, c) in nats: Float[Tensor, "B X+C"], Float[Tensor, "K B D"] ↦ Float[Tensor, "K B"].

        Where values of x are missing (nan), it is log p_θ of the observed ones given z and c.
        """

    def likelihood_gradient(self, x: Tensor, z: Tensor) -> Tensor:
        """∇_z log p_θ(x given z, c), without log p itself: shapes of ``log_likelihood`` ↦ Float[Tensor, "K B D"].

        A move through z needs the value only at its end. The result has no graph.
        """
        with torch.enable_grad():
            leaf = z.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(self.log_likelihood(x, leaf).sum(), leaf)
        return gradient

    @abstractmethod
    def terms(self, x: Tensor, z: Tensor) -> Tensor:
        """log p_θ(x_j given z, c) of every value of a complete x, in nats, Float[Tensor, "K B X"]."""

    def terms_of_each(self, values: Iterable[Tensor], z: Tensor, given: Tensor | None = None) -> Iterator[Tensor]:
        """``terms`` of several values of x, each without c, at the same z and c; shapes as ``terms``."""
        return (self.terms(self.row(x, given), z) for x in values)

    def prior_of(self, given: Tensor | None = None) -> PriorDensity:
        """p_θ(z given c) of each point: Float[Tensor, "B C"] ↦ PriorDensity; without a condition p_θ(z)."""
        return self.prior.given(self.needed(given) if self.given_dim else None)

    def log_prior(self, z: Tensor, given: Tensor | None = None) -> Tensor:
        """log p_θ(z given c) in nats: Float[Tensor, "K B D"], Float[Tensor, "B C"] ↦ Float[Tensor, "K B"]."""
        return self.prior_of(given).log_prob(z)

    def log_joint(self, x: Tensor, z: Tensor) -> Tensor:
        """log p_θ(x, z given c) in nats, Float[Tensor, "K B"]."""
        return self.log_likelihood(x, z) + self.log_prior(z, self.given(x))

    @abstractmethod
    def mean(self, z: Tensor, given: Tensor | None = None) -> Tensor:
        """E[x given z, c]: Float[Tensor, "*K B D"], Float[Tensor, "B C"] ↦ Float[Tensor, "*K B X"]."""

    def mean_like(self, x: Tensor, z: Tensor) -> Tensor:
        """E[x' given z, c] with c and other covariates of x, such as its total; shapes as ``mean``."""
        return self.mean(z, self.given(x))

    def moments(self, z: Tensor, given: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """E[x given z, c] and Var[x given z, c], or an unbiased estimate of the variance; shapes as ``mean``."""
        mean = self.mean(z, given)
        return mean, (self.observe(z, given) - mean).square()

    @abstractmethod
    def observe(self, z: Tensor, given: Tensor | None = None) -> Tensor:
        """x ~ p_θ(x given z, c), without gradient, same shapes as ``mean``."""

    def observe_like(self, x: Tensor, z: Tensor) -> Tensor:
        """x' ~ p_θ(x' given z, c) with c and other covariates of x, such as its total; shapes as ``mean``."""
        return self.observe(z, self.given(x))

    @torch.no_grad()
    def sample_prior(self, n: int, given: Tensor | None = None) -> Tensor:
        """z_1, …, z_n with z_i ~ p_θ(z given c_i): Float[Tensor, "n C"] ↦ Float[Tensor, "n D"]."""
        return self.prior_of(given).sample(n)

    @torch.no_grad()
    def sample(self, n: int, given: Tensor | None = None) -> Tensor:
        """x_1, …, x_n with x_i ~ p_θ(x given c_i): Float[Tensor, "n C"] ↦ Float[Tensor, "n X"]."""
        return self.observe(self.sample_prior(n, given), given)


class ExactMarginal(Model, ABC):
    """A model with log p_θ(x) = log ∫ p_θ(x, z) dz in closed form, so that the gap of a bound is known exactly."""

    @abstractmethod
    def exact_log_prob(self, x: Tensor) -> Tensor:
        """log p_θ(x given c) in nats: Float[Tensor, "B X+C"] ↦ Float[Tensor, "B"]; log p_θ(x) without a condition."""


def refuse_unread(given_names: Sequence[str], *, decoder: bool, prior: ConditionalPrior) -> None:
    """Refuses a condition that neither decoder nor prior read, and the key about it if there is no condition.

    Raises:
        UserError: p(x, z) would not depend on c, or there is no c.
    """
    if decoder:
        return
    if not given_names:
        raise UserError(
            "model.decoder_reads_given=false needs data with a condition: use data.condition=y, or remove the key."
        )
    if isinstance(prior, PriorDensity):
        raise UserError(
            "model.decoder_reads_given=false needs a prior that depends on the condition, because otherwise "
            "p(x, z) does not depend on it: use model/prior=conditional_normal, or model.decoder_reads_given=true."
        )
