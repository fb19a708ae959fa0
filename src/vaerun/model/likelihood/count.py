"""p(x given z) over counts x in {0, 1, 2, …}: what the likelihoods of counts share."""

from abc import abstractmethod
from typing import ClassVar

from torch import Tensor

from vaerun.model.likelihood.base import Likelihood
from vaerun.model.likelihood.rate.base import Rate


class CountLikelihood(Likelihood):
    """p(x given z) = Π_j p(x_j; μ_j) over x in {0, 1, 2, …}^X, where a rate gives the means μ.

    With ``rate=total_share`` it is p(x given z, l) with l = Σ_j x_j. It is normalised at every fixed total l;
    ``terms_at`` and ``log_prob_at`` are its values at any x and l.

    Args:
        data_dim: X.
        data_std: not used.
        rate: outputs ↦ log μ.
    """

    data_support: ClassVar[str] = "count"
    normalized: ClassVar[bool] = True

    def __init__(self, *, data_dim: int, data_std: float, rate: Rate) -> None:
        super().__init__(data_dim=data_dim, data_std=data_std)
        self.rate = rate

    @property
    def num_outputs(self) -> int:
        return self.data_dim

    @property
    def covariates(self) -> tuple[str, ...]:
        return ("its total",) if self.rate.reads_total else ()

    @property
    def samples_its_density(self) -> bool:
        return not self.rate.reads_total

    def initial_outputs(self, data_mean: Tensor) -> Tensor:
        return self.rate.initial_outputs(data_mean)

    def terms(self, x: Tensor, outputs: Tensor) -> Tensor:
        return self.terms_at(x, outputs, self.rate.total(x))

    def log_prob(self, x: Tensor, outputs: Tensor) -> Tensor:
        return self.log_prob_at(x, outputs, self.rate.total(x))

    @abstractmethod
    def terms_at(self, x: Tensor, outputs: Tensor, total: Tensor | None) -> Tensor:
        """log p(x_j given outputs, l) in nats: x, outputs, l ↦ Float[Tensor, "K B X"].

        Args:
            x: Float[Tensor, "B X"].
            outputs: of the decoder, Float[Tensor, "K B O"].
            total: l of every point, [B, 1], or one for all; None if the rate does not depend on it.
        """

    def log_prob_at(self, x: Tensor, outputs: Tensor, total: Tensor | None) -> Tensor:
        """Σ_j log p(x_j given outputs, l) in nats, Float[Tensor, "K B"]; a faster way may replace the sum of terms."""
        return self.terms_at(x, outputs, total).sum(-1)

    def mean_at(self, outputs: Tensor, total: Tensor | None) -> Tensor:
        """E[x given outputs, l], shapes as ``mean``."""
        return self.rate.log_rate(outputs, total).exp()

    @abstractmethod
    def sample_at(self, outputs: Tensor, total: Tensor | None) -> Tensor:
        """x ~ p(x given outputs, l), without gradient, shapes as ``mean``."""

    def mean(self, outputs: Tensor) -> Tensor:
        return self.mean_at(outputs, self.rate.reference)

    def mean_like(self, x: Tensor, outputs: Tensor) -> Tensor:
        return self.mean_at(outputs, self.rate.total(x))

    def sample(self, outputs: Tensor) -> Tensor:
        return self.sample_at(outputs, self.rate.reference)

    def sample_like(self, x: Tensor, outputs: Tensor) -> Tensor:
        return self.sample_at(outputs, self.rate.total(x))
