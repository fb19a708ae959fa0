"""p(x given outputs): the interface of likelihoods."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn


class Likelihood(nn.Module, ABC):
    """p(x given outputs of the decoder), with independent coordinates of x.

    Args:
        data_dim: X.
        data_std: pooled standard deviation of the data, an initial value for scales.
    """

    data_support: ClassVar[str]  # the values of x: "binary", "unit", "count", "real" or "mixed"
    normalized: ClassVar[bool]  # whether it is a density (or mass function) over these x
    kinds: ClassVar[tuple[str, ...]] = ()  # the types of standardised columns whose change of volume it adds
    levels: int | None = None  # number of evenly spaced values in [0, 1] of a coordinate; None if continuous

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """A class with its own density and no gradient of its own takes the derivative of that density."""
        super().__init_subclass__(**kwargs)
        if {"terms", "log_prob"} & vars(cls).keys() and "output_gradient" not in vars(cls):
            cls.output_gradient = Likelihood.output_gradient  # type: ignore[method-assign]

    def __init__(self, *, data_dim: int, data_std: float = 1.0) -> None:
        super().__init__()
        self.data_dim = data_dim
        self.data_std = data_std

    @property
    def covariates(self) -> tuple[str, ...]:
        """What it is conditioned on besides the outputs, in words."""
        return ()

    @property
    def categories(self) -> Mapping[int, int]:
        """Coordinate j ↦ the number of its categories, where x_j is the code of a category, which has no mean."""
        return {}

    @property
    def with_noise(self) -> bool:
        """Whether x has uniform noise as wide as its grid, so that p is the density of x + noise, per cell."""
        return False

    @property
    def samples_its_density(self) -> bool:
        """Whether ``sample`` draws x from the density that ``log_prob`` has at this x."""
        return True

    @property
    @abstractmethod
    def num_outputs(self) -> int:
        """O, the number of decoder outputs for one x."""

    @abstractmethod
    def initial_outputs(self, data_mean: Tensor) -> Tensor:
        """The outputs with E[x given outputs] = the mean of the data: Float[Tensor, "X"] ↦ Float[Tensor, "O"]."""

    @abstractmethod
    def terms(self, x: Tensor, outputs: Tensor) -> Tensor:
        """log p(x_j given outputs) in nats: Float[Tensor, "B X"], Float[Tensor, "K B O"] ↦ Float[Tensor, "K B X"]."""

    def log_prob(self, x: Tensor, outputs: Tensor) -> Tensor:
        """Σ_j log p(x_j given outputs) in nats, Float[Tensor, "K B"]; a faster way may replace the sum of the terms."""
        return self.terms(x, outputs).sum(-1)

    def output_gradient(self, x: Tensor, outputs: Tensor) -> Tensor:
        """∂/∂outputs Σ_j log p(x_j given outputs), without a graph: shapes of ``log_prob`` ↦ Float[Tensor, "K B O"].

        A closed form may replace the derivative of ``log_prob``, which computes the value, too.
        """
        with torch.enable_grad():
            leaf = outputs.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(self.log_prob(x, leaf).sum(), leaf)
        return gradient

    def observed_log_prob(self, x: Tensor, outputs: Tensor) -> Tensor:
        """Σ of log p(x_j given outputs) over the observed j in nats, Float[Tensor, "K B"]; a missing x_j is nan.

        Coordinates are independent given the outputs, so this is log p of the observed values alone: the sum or
        integral of p(x given outputs) over the missing ones.
        """
        observed = ~x.isnan()
        return self.masked_log_prob(torch.where(observed, x, 0.0), outputs, observed)

    def masked_log_prob(self, x: Tensor, outputs: Tensor, observed: Tensor) -> Tensor:
        """Σ_j o_j log p(x_j given outputs) in nats, Float[Tensor, "K B"]; a faster way may replace it.

        Args:
            x: finite, 0 where o_j = 0, Float[Tensor, "B X"]. A nan there would make the gradient of θ nan, although the
                term is left out.
            outputs: Float[Tensor, "K B O"].
            observed: o, Bool[Tensor, "B X"].
        """
        return torch.where(observed, self.terms(x, outputs), 0.0).sum(-1)

    @abstractmethod
    def mean(self, outputs: Tensor) -> Tensor:
        """E[x given outputs]: Float[Tensor, "*K B O"] ↦ Float[Tensor, "*K B X"]."""

    def mean_like(self, x: Tensor, outputs: Tensor) -> Tensor:
        """E[x' given outputs and the covariates of x], shapes as ``mean``."""
        return self.mean(outputs)

    def variance(self, outputs: Tensor) -> Tensor:
        """Var[x given outputs], shapes as ``mean``; or (x − E[x given outputs])² at one sample x."""
        return (self.sample(outputs) - self.mean(outputs)).square()

    def sample_like(self, x: Tensor, outputs: Tensor) -> Tensor:
        """x' ~ p(x' given outputs and the covariates of x), without gradient, shapes as ``mean``."""
        return self.sample(outputs)

    @abstractmethod
    def sample(self, outputs: Tensor) -> Tensor:
        """x ~ p(x given outputs), without gradient, shapes as ``mean``."""
