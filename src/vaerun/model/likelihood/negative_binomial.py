"""p(x given z) = Π_j NegativeBinomial(x_j; mean μ_j, inverse dispersion s_j), x in {0, 1, 2, …}."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from vaerun.model.likelihood.count import CountLikelihood
from vaerun.model.likelihood.gamma import log_coefficient
from vaerun.model.likelihood.rate.base import Rate
from vaerun.nn.bounded_scale import bounded_log_scale


class NegativeBinomial(CountLikelihood):
    """p(x given z) = Π_j Γ(x_j + s_j)/(Γ(s_j) x_j!) σ(u_j)^{x_j} σ(−u_j)^{s_j} over x in {0, 1, 2, …}^X.

    u_j = log(μ_j/s_j). The mean is μ_j and the variance μ_j + μ_j²/s_j, so it describes counts that vary more than
    Poisson counts. The inverse dispersion s_j, one for each coordinate, is learned; it starts at 1 and stays between
    e⁻⁷ and e⁷. (It is θ in scvi-tools with ``dispersion="gene"``, and ``size`` in R.)

    Args:
        data_dim: X.
        data_std: not used.
        rate: outputs ↦ log μ.

    Reference: Lopez, Regier, Cole, Jordan, Yosef 2018, Deep generative modeling for single-cell transcriptomics,
    Methods; Grün, Kester, van Oudenaarden 2014 (the negative binomial of transcript counts).
    """

    def __init__(self, *, data_dim: int, data_std: float, rate: Rate) -> None:
        super().__init__(data_dim=data_dim, data_std=data_std, rate=rate)
        self.raw_log_size = nn.Parameter(torch.zeros(data_dim))

    def log_size(self) -> Tensor:
        """log s, Float[Tensor, "X"]."""
        return bounded_log_scale(self.raw_log_size)

    def terms_at(self, x: Tensor, outputs: Tensor, total: Tensor | None) -> Tensor:
        log_size = self.log_size()
        log_odds, size = self.rate.log_rate(outputs, total) - log_size, log_size.exp()
        # Both terms are negative, so that no digits are lost where x is large.
        return x * logsigmoid(log_odds) + size * logsigmoid(-log_odds) + log_coefficient(x, size)

    def log_prob_at(self, x: Tensor, outputs: Tensor, total: Tensor | None) -> Tensor:
        # The coefficients do not depend on z: they are computed once for the K samples of a point.
        log_size = self.log_size()
        log_odds, size = self.rate.log_rate(outputs, total) - log_size, log_size.exp()
        return _LogPowers.apply(x, size, log_odds) + log_coefficient(x, size).sum(-1)

    def variance(self, outputs: Tensor) -> Tensor:
        mean = self.mean(outputs)
        return mean + mean.square() / self.log_size().exp()

    @torch.no_grad()
    def sample_at(self, outputs: Tensor, total: Tensor | None) -> Tensor:
        """Poisson counts with means that are drawn from Gamma(s_j, mean μ_j)."""
        size, mean = self.log_size().exp(), self.mean_at(outputs, total)
        return torch.poisson(mean * torch._standard_gamma(size.expand_as(mean)) / size)


class _LogPowers(torch.autograd.Function):
    """Σ_j x_j log σ(u_j) + s_j log σ(−u_j), and its derivatives x − (x + s) σ(u) in u and log σ(−u) in s.

    It keeps one array of the size of u, where autograd would keep four. x are counts, and have no derivative.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, size: Tensor, log_odds: Tensor) -> Tensor:
        ctx.save_for_backward(x, size, log_odds)
        # With l = log(1 + e^−|u|): −log σ(u) = max(−u, 0) + l and −log σ(−u) = max(u, 0) + l.
        small = log_odds.abs().neg_().exp_().log1p_().mul_(x + size)
        small.addcmul_(size, log_odds.clamp(min=0)).addcmul_(x, log_odds.clamp(max=0), value=-1)
        return small.sum(-1).neg_()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor, Tensor]:
        x, size, log_odds = ctx.saved_tensors
        gradient = gradient.unsqueeze(-1)
        in_size = (gradient * logsigmoid(-log_odds)).flatten(0, -2).sum(0)
        return None, in_size, (x - (x + size) * log_odds.sigmoid()) * gradient
