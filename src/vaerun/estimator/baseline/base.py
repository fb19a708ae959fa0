"""What a baseline is."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from vaerun.objective.base import Objective


class Baseline(nn.Module, ABC):
    """b_k, independent of z_k, so that E_q[b_k ∇ log q(z_k; φ)] = 0 and the gradient stays unbiased."""

    min_samples: ClassVar[int] = 1  # the smallest K it is defined for

    @abstractmethod
    def forward(self, r: Tensor, objective: Objective, x: Tensor) -> Tensor:
        """b for detached rewards Float[Tensor, "K B"], x Float[Tensor, "B X"]; broadcasts to Float[Tensor, "K B"]."""
