"""b* = E[‖∇ log q‖² c] / E[‖∇ log q‖²]."""

from typing import ClassVar

import torch
from torch import Tensor

from vaerun.config.ranges import below
from vaerun.estimator.baseline.base import Baseline
from vaerun.nn.running_average import RunningAverage
from vaerun.objective.base import Objective
from vaerun.posterior.base import KnownScore, Posterior


class OptimalConstant(Baseline):
    """b* = E[‖∇_φ log q(z; φ)‖² c] / E[‖∇_φ log q(z; φ)‖²]: the constant with the lowest variance.

    The variance is summed over the parameters of q and over the data; both expectations are exponential averages over
    EARLIER steps. b* is optimal for objectives that average the rewards. For others, c is the credit minus β a_k, and
    products of the scores of different samples are neglected, so b* is close to optimal.

    Args:
        decay: of both averages, in [0, 1).

    Raises:
        UserError: ``decay`` is outside [0, 1).

    Reference: Weaver, Tao 2001, The optimal reward baseline for gradient-based reinforcement learning; Ranganath et al.
    2014, Black box variational inference, §3.2 (control variates).
    """

    needs: ClassVar = (KnownScore,)

    def __init__(self, decay: float = 0.99) -> None:
        super().__init__()
        below("estimator.baseline.decay", decay, 0, 1)
        self.weighted = RunningAverage(decay)
        self.square = RunningAverage(decay)

    def forward(self, r: Tensor, objective: Objective, x: Tensor, q: Posterior, z: Tensor) -> Tensor:
        assert isinstance(q, KnownScore)
        square = self.square()
        b = self.weighted() / square.clamp(min=torch.finfo(square.dtype).tiny)
        squared_score = q.squared_score(z)
        credit = objective.credit(r) - objective.beta() * objective.score_weight(r)
        self.weighted.update((squared_score * credit).mean())
        self.square.update(squared_score.mean())
        return b
