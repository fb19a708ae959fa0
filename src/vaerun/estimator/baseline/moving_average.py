"""b_k = an exponential moving average of the credits of earlier steps."""

from typing import ClassVar

from torch import Tensor

from vaerun.config.ranges import below
from vaerun.estimator.baseline.base import Baseline
from vaerun.nn.running_average import RunningAverage
from vaerun.objective.base import Objective
from vaerun.posterior.base import Posterior


class MovingAverage(Baseline):
    """b = m_t / (1 − decay^t), m_t = decay · m_{t−1} + (1 − decay) · mean(c) over the credits c of EARLIER steps.

    It is updated only in training mode, so that evaluation does not change training.

    Args:
        decay: in [0, 1).

    Raises:
        UserError: ``decay`` is outside [0, 1).

    Reference: Mnih, Gregor 2014, Neural variational inference and learning in belief networks, §2.3.
    """

    min_samples: ClassVar[int] = 1

    def __init__(self, decay: float = 0.99) -> None:
        super().__init__()
        below("estimator.baseline.decay", decay, 0, 1)
        self.average = RunningAverage(decay)

    def forward(self, r: Tensor, objective: Objective, x: Tensor, q: Posterior, z: Tensor) -> Tensor:
        b = self.average()
        self.average.update(objective.credit(r).mean())
        return b
