"""μ_j = exp(outputs_j)."""

from typing import ClassVar

from torch import Tensor

from vaerun.model.likelihood.rate.base import Rate, log_of_means

LARGEST = 40.0  # log μ stays below it, so that sums of rates are finite in float32


class Free(Rate):
    """μ_j = exp(outputs_j): the mean count of every coordinate on its own, at most e^40.

    Reference: McCullagh, Nelder 1989, Generalized linear models, §6.2 (the log link).
    """

    reads_total: ClassVar[bool] = False

    @property
    def reference(self) -> None:
        return None

    def total(self, x: Tensor) -> None:
        return None

    def log_rate(self, outputs: Tensor, total: Tensor | None) -> Tensor:
        return outputs.clamp(max=LARGEST)

    def initial_outputs(self, rate: Tensor) -> Tensor:
        return log_of_means(rate)
