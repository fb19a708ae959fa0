"""b_k with E_q[b_k ∇ log q(z_k; φ)] = 0: the interface of baselines."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from vaerun.objective.base import Objective
from vaerun.posterior.base import Posterior


class Baseline(nn.Module, ABC):
    """b_k, independent of z_k, so that E_q[b_k ∇ log q(z_k; φ)] = 0 and the gradient stays unbiased."""

    min_samples: ClassVar[int] = 1  # the smallest K for which it is defined
    needs: ClassVar[tuple[type[Posterior], ...]] = ()  # capabilities that q must have
    unbiased: ClassVar[bool] = True  # whether the gradient is claimed to be unbiased; ``vaerun verify`` tests the claim

    @abstractmethod
    def forward(self, r: Tensor, objective: Objective, x: Tensor, q: Posterior, z: Tensor) -> Tensor:
        """b, which broadcasts to Float[Tensor, "K B"].

        Args:
            r: rewards, detached, Float[Tensor, "K B"].
            objective: J, with the credits from which b is subtracted.
            x: Float[Tensor, "B X"].
            q: the distribution of z.
            z: the samples, Float[Tensor, "K B D"], for a baseline that uses them in later steps.
        """

    def rescale(self, advantage: Tensor) -> Tensor:
        """The factor of the score function, from c − b − β a, Float[Tensor, "K B"]; unchanged by default."""
        return advantage

    def loss(self, credit: Tensor, b: Tensor) -> Tensor:
        """The loss of the weights of the baseline, Float[Tensor, ""]; 0 without weights."""
        return credit.new_zeros(())
