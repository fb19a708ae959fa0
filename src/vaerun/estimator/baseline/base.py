"""What a baseline is."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from vaerun.objective.base import Objective
from vaerun.posterior.base import Posterior


class Baseline(nn.Module, ABC):
    """b_k, independent of z_k, so that E_q[b_k ∇ log q(z_k; φ)] = 0 and the gradient stays unbiased."""

    min_samples: ClassVar[int] = 1  # the smallest K it is defined for
    needs: ClassVar[tuple[type[Posterior], ...]] = ()  # capabilities the posterior must have
    unbiased: ClassVar[bool] = True  # what is claimed of the gradient; ``vaerun verify`` holds it to that

    @abstractmethod
    def forward(self, r: Tensor, objective: Objective, x: Tensor, q: Posterior, z: Tensor) -> Tensor:
        """b, which broadcasts to Float[Tensor, "K B"].

        Args:
            r: rewards, detached, Float[Tensor, "K B"].
            objective: J, whose credits b is set against.
            x: Float[Tensor, "B X"].
            q: where z was drawn.
            z: the samples, Float[Tensor, "K B D"], for a baseline that learns from them after this step.
        """

    def rescale(self, advantage: Tensor) -> Tensor:
        """c − b − β a as the gradient uses it, Float[Tensor, "K B"]: as it is, unless a baseline also scales."""
        return advantage

    def loss(self, credit: Tensor, b: Tensor) -> Tensor:
        """What the baseline's own weights descend, Float[Tensor, ""]; 0 for a baseline without weights."""
        return credit.new_zeros(())
