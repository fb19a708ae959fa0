"""What an objective is: J, and the three derivatives of it that estimators ask for."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from vaerun.config.ranges import at_least
from vaerun.notation import Terms
from vaerun.schedule.base import Schedule


class Objective(nn.Module, ABC):
    """J(r_1, …, r_K), with E_q[J] ≤ log p(x) when the rewards are r = log p(x, z) − log q(z; φ).

    Args:
        num_samples: K, the number of samples of z.
        kl_weight: β in r = log p(x given z) + β (log p(z) − log q(z)); at β ≠ 1 J is trained, but is no bound.

    Raises:
        UserError: K < 1.
    """

    def __init__(self, *, num_samples: int, kl_weight: Schedule) -> None:
        super().__init__()
        at_least("objective.num_samples", num_samples, 1)
        self.num_samples = num_samples
        self.kl_weight = kl_weight

    @property
    @abstractmethod
    def is_elbo(self) -> bool:
        """Whether J is the ELBO at KL weight 1: then what is optimised is what ``elbo/train`` reports."""

    def beta(self) -> Tensor | float:
        """β; 1 in evaluation mode, where a φ is sought for a figure that is a bound."""
        return self.kl_weight() if self.training else 1.0

    def reward(self, terms: Terms) -> Tensor:
        """r = log p(x given z) + β (log p(z) − log q(z; φ)), Float[Tensor, "K B"]."""
        return terms.log_likelihood + self.beta() * (terms.log_prior - terms.log_q)

    @abstractmethod
    def forward(self, r: Tensor) -> Tensor:
        """J(r): Float[Tensor, "K B"] ↦ Float[Tensor, "B"]."""

    @abstractmethod
    def credit(self, r: Tensor) -> Tensor:
        """c_k, what the score function of sample k is multiplied with, Float[Tensor, "K B"]."""

    def credit_with(self, r: Tensor, instead: Tensor) -> Tensor:
        """Sample k's credit had its own reward been instead_k, the others what they are; all Float[Tensor, "K B"].

        Compared with ``credit`` it says what sample k's own value was worth: baselines and antithetic estimators ask.
        """
        k, b = r.shape
        itself = torch.eye(k, dtype=torch.bool, device=r.device).unsqueeze(-1)  # [sample, replaced, 1]
        replaced = torch.where(itself, instead, r.unsqueeze(1))  # column j has r_j replaced, [K, K, B]
        return self.credit(replaced.reshape(k, k * b)).reshape(k, k, b).diagonal(dim1=0, dim2=1).T

    @abstractmethod
    def score_weight(self, r: Tensor) -> Tensor:
        """a_k = ∂J/∂r_k where it varies with the samples, else 0 (its term has mean zero), Float[Tensor, "K B"]."""

    @abstractmethod
    def path_weight(self, r: Tensor) -> Tensor:
        """a_k − β ∂a_k/∂r_k, the weight of sample k's path derivative of r_k, Float[Tensor, "K B"].

        In the reparameterized ∇_φ J the direct term is −β a_k ∇_φ log q(z_k; φ); reparameterizing its expectation once
        more turns it into −β (∂a_k/∂r_k) times the path derivative of r_k (Tucker et al. 2019, eqs. 4-8).
        """

    def watch(self, kl: Tensor) -> None:
        """Told the KL of every estimate, detached Float[Tensor, "B"], by the bound; most objectives do not care."""
