"""μ_j = l softmax(outputs)_j, where l is the total of the point."""

from typing import ClassVar

import torch
from torch import Tensor

from vaerun.errors import UserError
from vaerun.model.likelihood.rate.base import Rate, log_of_means

EMPTY = 1e-30  # stands for a total of 0, whose logarithm is −∞


class TotalShare(Rate):
    """μ_j = l softmax(outputs)_j, where l = Σ_j x_j is the observed total of the point (the library size of a cell).

    The model describes how a total is shared among the coordinates, and not the total: p(x given z, l) is the density
    of x given its total as a covariate. For every fixed l it sums to one over all x in {0, 1, 2, …}^X, also over those
    with another total, so a bound on log p(x given its total) is a bound. Means and samples without a point are those
    at the average total of the training points.

    Args:
        data_mean: mean of the training data, Float[Tensor, "X"]; its sum is the average total.
        missing: whether values are missing in the data.

    Raises:
        UserError: values are missing, so that the totals are not known.

    Reference: Lopez, Regier, Cole, Jordan, Yosef 2018, Deep generative modeling for single-cell transcriptomics,
    Methods (with the observed instead of a latent library size, as in scvi-tools).
    """

    reads_total: ClassVar[bool] = True
    average_total: Tensor

    def __init__(self, *, data_mean: Tensor, missing: bool = False) -> None:
        super().__init__()
        if missing:
            raise UserError(
                "model/likelihood/rate=total_share needs the total of each point, but the data have missing values: "
                "use model/likelihood/rate=free."
            )
        self.register_buffer("average_total", data_mean.sum())

    @property
    def reference(self) -> Tensor:
        return self.average_total

    def total(self, x: Tensor) -> Tensor:
        return x.sum(-1, keepdim=True)

    def log_rate(self, outputs: Tensor, total: Tensor | None) -> Tensor:
        assert total is not None
        return outputs + (total.clamp(min=EMPTY).log() - outputs.logsumexp(-1, keepdim=True))

    def initial_outputs(self, rate: Tensor) -> Tensor:
        logs = log_of_means(rate)
        return logs - logs.logsumexp(-1) + torch.log(rate.sum())
