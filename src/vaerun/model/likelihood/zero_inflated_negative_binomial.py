"""p(x given z) = Π_j π_j 1[x_j = 0] + (1 − π_j) NegativeBinomial(x_j; μ_j, s_j), x in {0, 1, 2, …}."""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from vaerun.model.likelihood.count import CountLikelihood
from vaerun.model.likelihood.negative_binomial import NegativeBinomial
from vaerun.model.likelihood.rate.base import Rate

PRESENT = 2.0  # the initial logit of 1 − π: a tenth of the counts are set to 0


class ZeroInflatedNegativeBinomial(CountLikelihood):
    """p(x given z) = Π_j π_j 1[x_j = 0] + (1 − π_j) NegativeBinomial(x_j; μ_j, s_j) over x in {0, 1, 2, …}^X.

    A count is 0 with probability π_j, whatever its rate, and otherwise negative binomial. The decoder gives log μ_j
    (through the rate) and the logit of 1 − π_j. The mean is (1 − π_j) μ_j; with ``rate=total_share`` the μ_j add up to
    the total l, so the means add up to less than l.

    Args:
        data_dim: X.
        data_std: not used.
        rate: outputs ↦ log μ.

    Reference: Lopez, Regier, Cole, Jordan, Yosef 2018, Deep generative modeling for single-cell transcriptomics,
    Methods; Lambert 1992, Zero-inflated Poisson regression.
    """

    def __init__(self, *, data_dim: int, data_std: float, rate: Rate) -> None:
        super().__init__(data_dim=data_dim, data_std=data_std, rate=rate)
        self.counts = NegativeBinomial(data_dim=data_dim, data_std=data_std, rate=rate)

    @property
    def num_outputs(self) -> int:
        """2 X: rate and logit of 1 − π of the first coordinate, then those of the second, …"""
        return 2 * self.data_dim

    def parts(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """The outputs of the rate and the logits of 1 − π, each Float[Tensor, "*K B X"]."""
        rate, present = outputs.unflatten(-1, (self.data_dim, 2)).unbind(-1)
        return rate, present

    def initial_outputs(self, data_mean: Tensor) -> Tensor:
        present = torch.full_like(data_mean, PRESENT)
        return torch.stack((self.rate.initial_outputs(data_mean / present.sigmoid()), present), -1).flatten()

    def terms_at(self, x: Tensor, outputs: Tensor, total: Tensor | None) -> Tensor:
        rate, present = self.parts(outputs)
        counted = self.counts.terms_at(x, rate, total)
        return torch.where(x == 0, torch.logaddexp(-present, counted), counted) - softplus(-present)

    def mean_at(self, outputs: Tensor, total: Tensor | None) -> Tensor:
        rate, present = self.parts(outputs)
        return present.sigmoid() * self.counts.mean_at(rate, total)

    def variance(self, outputs: Tensor) -> Tensor:
        rate, present = self.parts(outputs)
        counted, p = self.counts.mean(rate), present.sigmoid()
        return p * self.counts.variance(rate) + p * (1 - p) * counted.square()

    @torch.no_grad()
    def sample_at(self, outputs: Tensor, total: Tensor | None) -> Tensor:
        rate, present = self.parts(outputs)
        return self.counts.sample_at(rate, total) * (torch.rand_like(present) < present.sigmoid())
