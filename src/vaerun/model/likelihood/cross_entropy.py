"""Σ_j x_j log σ(logit_j) + (1 − x_j) log(1 − σ(logit_j)) at grey x in [0, 1]: common in examples, but not a density."""

from typing import ClassVar

import torch
from torch import Tensor

from vaerun.model.likelihood.base import Likelihood
from vaerun.model.likelihood.bernoulli import BernoulliLikelihood


class CrossEntropyLikelihood(Likelihood):
    """Σ_j x_j log σ(logit_j) + (1 − x_j) log(1 − σ(logit_j)) for x in [0, 1]^X.

    It does not integrate to one over x, so its ELBO is not a bound on log p(x) and is recorded as ``pseudo_elbo``.
    ``model/likelihood=bernoulli`` with binarised data gives a bound.

    Args:
        data_dim: X.
        data_std: not used.

    Reference: Loaiza-Ganem, Cunningham 2019, The continuous Bernoulli, §2 (why it is not a likelihood).
    """

    data_support: ClassVar[str] = "unit"
    normalized: ClassVar[bool] = False

    def __init__(self, *, data_dim: int, data_std: float) -> None:
        super().__init__(data_dim=data_dim, data_std=data_std)
        self.bernoulli = BernoulliLikelihood(data_dim=data_dim, data_std=data_std)

    @property
    def num_outputs(self) -> int:
        return self.bernoulli.num_outputs

    def initial_outputs(self, data_mean: Tensor) -> Tensor:
        return self.bernoulli.initial_outputs(data_mean)

    def terms(self, x: Tensor, outputs: Tensor) -> Tensor:
        return self.bernoulli.terms(x, outputs)

    def log_prob(self, x: Tensor, outputs: Tensor) -> Tensor:
        return self.bernoulli.log_prob(x, outputs)

    def output_gradient(self, x: Tensor, outputs: Tensor) -> Tensor:
        return self.bernoulli.output_gradient(x, outputs)

    def masked_log_prob(self, x: Tensor, outputs: Tensor, observed: Tensor) -> Tensor:
        return self.bernoulli.masked_log_prob(x, outputs, observed)

    def variance(self, outputs: Tensor) -> Tensor:
        return self.bernoulli.variance(outputs)

    def mean(self, outputs: Tensor) -> Tensor:
        return self.bernoulli.mean(outputs)

    @torch.no_grad()
    def sample(self, outputs: Tensor) -> Tensor:
        return self.bernoulli.sample(outputs)
