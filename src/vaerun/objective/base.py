"""J(r_1, …, r_K), a bound on log p(x) as a function of K rewards, and the derivatives that estimators need."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from vaerun.config.ranges import at_least
from vaerun.notation import Terms
from vaerun.schedule.base import Schedule
from vaerun.schedule.constant import Constant


class Objective(nn.Module, ABC):
    """J(r_1, …, r_K), with E_q[J] ≤ log p(x) when the rewards are r = log p(x, z) − log q(z; φ).

    Args:
        num_samples: K, the number of samples of z.
        kl_weight: β in r = log p(x given z) + β (log p(z) − log q(z)); None for 1. At β ≠ 1, J is not a bound.

    Raises:
        UserError: K < 1.
    """

    records_kl: ClassVar[bool] = False  # whether ``record_kl`` changes the state, so that every estimate needs a KL

    def __init__(self, *, num_samples: int = 1, kl_weight: Schedule | None = None) -> None:
        super().__init__()
        at_least("objective.num_samples", num_samples, 1)
        self.num_samples = num_samples
        self.kl_weight = Constant(1.0) if kl_weight is None else kl_weight

    @property
    @abstractmethod
    def is_elbo(self) -> bool:
        """Whether J is the ELBO at KL weight 1; then ``elbo/train`` is the trained objective."""

    def beta(self) -> Tensor | float:
        """β; 1 in evaluation mode, where φ is found for a reported bound."""
        return self.kl_weight() if self.training else 1.0

    def reward(self, terms: Terms) -> Tensor:
        """r = log p(x given z) + β (log p(z) − log q(z; φ)), Float[Tensor, "K B"]."""
        return terms.log_likelihood + self.beta() * (terms.log_prior - terms.log_q)

    @abstractmethod
    def forward(self, r: Tensor) -> Tensor:
        """J(r): Float[Tensor, "K B"] ↦ Float[Tensor, "B"]."""

    @abstractmethod
    def credit(self, r: Tensor) -> Tensor:
        """The credit c_k, the factor of the score function ∇ log q(z_k; φ), Float[Tensor, "K B"]."""

    def credit_with(self, r: Tensor, instead: Tensor) -> Tensor:
        """c_k with r_k replaced by instead_k and the other rewards unchanged; all Float[Tensor, "K B"].

        The difference to ``credit`` is the contribution of sample k. Baselines and antithetic estimators use it.
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

    def record_kl(self, kl: Tensor) -> None:
        """Receives the KL of every estimate, detached Float[Tensor, "B"], from the bound; by default it is not used."""
