"""b(x) = network(x) + a moving average, and the advantage divided by its standard deviation where that exceeds 1."""

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor

from vaerun.config.ranges import below
from vaerun.estimator.baseline.base import Baseline
from vaerun.estimator.baseline.learned import Learned
from vaerun.nn.running_average import RunningAverage
from vaerun.notation import Column
from vaerun.objective.base import Objective
from vaerun.posterior.base import Posterior


class NVIL(Baseline):
    """b(x) = C(x) + m, with the advantage divided by max(1, √v): the three variance reductions of NVIL.

    C is a ``Learned`` baseline, m the exponential average of c − C(x), and v the exponential average of the variance of
    the advantages of a step. Both averages are over EARLIER steps (the paper includes the present one), so they do not
    depend on the samples they are applied to: the expected gradient keeps its direction, but not its length.

    Args:
        data_dim: X.
        data_mean: the mean of the training data, Float[Tensor, "X"].
        data_std: their standard deviation.
        given_dim: C, the numbers that the model conditions on and that follow those of x in a row.
        missing: whether values of x are missing (nan); the network then reads a mask, too.
        counts: whether x are counts; the network then reads log(1 + x) − log(1 + x̄).
        columns: those of x, if the data declare them.
        hidden: units of the hidden layers of C.
        activation: by name.
        decay: of the averages, in [0, 1).

    Raises:
        UserError: ``decay`` is outside [0, 1), no activation of that name, or a layer without units.

    Reference: Mnih, Gregor 2014, Neural variational inference and learning in belief networks, §2.3 and algorithm 1.
    """

    unbiased: ClassVar[bool] = False

    def __init__(
        self,
        *,
        data_dim: int,
        data_mean: Tensor,
        data_std: float,
        given_dim: int = 0,
        missing: bool = False,
        counts: bool = False,
        columns: Sequence[Column] = (),
        hidden: Sequence[int] = (100,),
        activation: str = "tanh",
        decay: float = 0.9,
    ) -> None:
        super().__init__()
        below("estimator.baseline.decay", decay, 0, 1)
        self.learned = Learned(
            data_dim=data_dim,
            data_mean=data_mean,
            data_std=data_std,
            given_dim=given_dim,
            missing=missing,
            counts=counts,
            columns=columns,
            hidden=hidden,
            activation=activation,
        )
        self.mean = RunningAverage(decay)
        self.variance = RunningAverage(decay)

    def forward(self, r: Tensor, objective: Objective, x: Tensor, q: Posterior, z: Tensor) -> Tensor:
        predicted = self.learned(r, objective, x, q, z)
        b = predicted + self.mean()
        self.mean.update((objective.credit(r) - predicted.detach()).mean())
        return b

    def rescale(self, advantage: Tensor) -> Tensor:
        scale = self.variance().sqrt().clamp(min=1)
        self.variance.update(advantage.var(unbiased=False))
        return advantage / scale

    def loss(self, credit: Tensor, b: Tensor) -> Tensor:
        return self.learned.loss(credit, b)
