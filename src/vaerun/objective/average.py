"""J(r) = mean_k r_k: the common part of the ELBO and its weighted variants."""

from abc import ABC

import torch
from torch import Tensor

from vaerun.objective.base import Objective


class Average(Objective, ABC):
    """J(r) = mean_k r_k, linear in every reward: its credit is r_k/K and its derivative the constant 1/K."""

    def forward(self, r: Tensor) -> Tensor:
        return r.mean(0)

    def credit(self, r: Tensor) -> Tensor:
        return r / len(r)

    def credit_with(self, r: Tensor, instead: Tensor) -> Tensor:
        return instead / len(r)

    def score_weight(self, r: Tensor) -> Tensor:
        return torch.zeros_like(r)

    def path_weight(self, r: Tensor) -> Tensor:
        return torch.full_like(r, 1 / len(r))
