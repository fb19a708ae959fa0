"""b_k = an exponential moving average of the credits of earlier steps."""

from typing import ClassVar

import torch
from torch import Tensor

from vaerun.errors import UserError
from vaerun.estimator.baseline.base import Baseline
from vaerun.objective.base import Objective
from vaerun.posterior.base import Posterior


class MovingAverage(Baseline):
    """b = m_t / (1 − decay^t), m_t = decay · m_{t−1} + (1 − decay) · mean(c) over the credits of earlier steps only.

    It moves in training mode alone, so that evaluation leaves the training trajectory as it was.

    Args:
        decay: in [0, 1).

    Raises:
        UserError: ``decay`` is outside [0, 1).

    Reference: Mnih, Gregor 2014, Neural variational inference and learning in belief networks, §2.3.
    """

    min_samples: ClassVar[int] = 1
    average: Tensor
    weight: Tensor

    def __init__(self, decay: float = 0.99) -> None:
        super().__init__()
        if not 0 <= decay < 1:
            raise UserError(f"estimator.baseline.decay={decay} is no decay: give a number in [0, 1).")
        self.decay = decay
        self.register_buffer("average", torch.zeros(()))
        self.register_buffer("weight", torch.zeros(()))  # 1 − decay^t: how much of the average is not its start at 0

    def forward(self, r: Tensor, objective: Objective, x: Tensor, q: Posterior, z: Tensor) -> Tensor:
        b = self.average / self.weight.clamp(min=1 - self.decay)
        if self.training:
            self.average.copy_(torch.lerp(objective.credit(r).mean(), self.average, self.decay))
            self.weight.copy_(torch.lerp(torch.ones_like(self.weight), self.weight, self.decay))
        return b
