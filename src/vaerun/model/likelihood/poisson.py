"""p(x given z) = Π_j Poisson(x_j; μ_j), x in {0, 1, 2, …}."""

from typing import Any

import torch
from torch import Tensor

from vaerun.model.likelihood.count import CountLikelihood
from vaerun.model.likelihood.gamma import factorial_remainder


class Poisson(CountLikelihood):
    """p(x given z) = Π_j μ_j^{x_j} e^{−μ_j} / x_j! over x in {0, 1, 2, …}^X, whose variances equal its means μ_j.

    With ``rate=total_share``, x given z and the total l has Poisson counts of mean l softmax(outputs)_j.

    Args:
        data_dim: X.
        data_std: not used.
        rate: outputs ↦ log μ.

    Reference: Gopalan, Hofman, Blei 2015, Scalable recommendation with hierarchical Poisson factorization, §2 (Poisson
    counts in a latent-variable model).
    """

    def terms_at(self, x: Tensor, outputs: Tensor, total: Tensor | None) -> Tensor:
        return _LogPowers.apply(x, self.rate.log_rate(outputs, total)) - factorial_remainder(x)

    def log_prob_at(self, x: Tensor, outputs: Tensor, total: Tensor | None) -> Tensor:
        # The remainders do not depend on z: they are computed once for the K samples of a point.
        powers = _LogPowers.apply(x, self.rate.log_rate(outputs, total)).sum(-1)
        return powers - factorial_remainder(x).sum(-1)

    def variance(self, outputs: Tensor) -> Tensor:
        return self.mean(outputs)

    @torch.no_grad()
    def sample_at(self, outputs: Tensor, total: Tensor | None) -> Tensor:
        return torch.poisson(self.mean_at(outputs, total))


class _LogPowers(torch.autograd.Function):
    """x log μ − μ − x log x + x, and its derivative x − μ in log μ. x are counts, and have no derivative.

    With d = log(μ/x) it is −x (e^d − 1 − d), so that no digits are lost where x is large and near μ.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, log_rate: Tensor) -> Tensor:
        ctx.save_for_backward(x, log_rate)
        d = log_rate - x.clamp(min=1).log()
        return torch.where(x > 0, x * (d - d.expm1()), -log_rate.exp())

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        x, log_rate = ctx.saved_tensors
        return None, gradient * (x - log_rate.exp())
