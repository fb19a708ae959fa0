"""p(x given z) = Π_j Bernoulli(x_j; σ(logit_j)), x in {0, 1}."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from vaerun.model.likelihood.base import Likelihood

NEVER = 1e-3  # a pixel that is never on starts at this probability: log-odds of 0 are −∞


class BernoulliLikelihood(Likelihood):
    """p(x given z) = Π_j Bernoulli(x_j; σ(logit_j)) over x in {0, 1}^X.

    Reference: Kingma, Welling 2014, Auto-encoding variational Bayes, appendix C.1.
    """

    data_support: ClassVar[str] = "binary"
    normalized: ClassVar[bool] = True
    levels = 2

    @property
    def num_outputs(self) -> int:
        return self.data_dim

    def initial_outputs(self, data_mean: Tensor) -> Tensor:
        return data_mean.clamp(NEVER, 1 - NEVER).logit()

    def log_prob(self, x: Tensor, outputs: Tensor) -> Tensor:
        return -binary_cross_entropy_with_logits(outputs, x.expand_as(outputs), reduction="none").sum(-1)

    def mean(self, outputs: Tensor) -> Tensor:
        return outputs.sigmoid()

    @torch.no_grad()
    def sample(self, outputs: Tensor) -> Tensor:
        return (torch.rand_like(outputs) < outputs.sigmoid()).to(outputs.dtype)
