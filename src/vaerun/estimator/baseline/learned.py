"""b(x) = X · network(x)."""

from collections.abc import Sequence

from torch import Tensor

from vaerun.estimator.baseline.base import Baseline
from vaerun.nn.data_input import DataInput
from vaerun.nn.network import mlp
from vaerun.notation import Column
from vaerun.objective.base import Objective
from vaerun.posterior.base import Posterior


class Learned(Baseline):
    """b(x) = X · network((x − x̄)/4s), which minimises E[((c − b)/X)²]: it predicts the credit of a sample of x.

    x̄ is the mean of the training data and s their standard deviation, as in the encoder. The output of the network is
    in nats per coordinate of x, so that the same learning rate works for data of any dimension.

    Args:
        data_dim: X.
        data_mean: x̄, Float[Tensor, "X"].
        data_std: s.
        given_dim: C, the numbers that the model conditions on and that follow those of x in a row.
        missing: whether values of x are missing (nan); the network then reads a mask, too.
        counts: whether x are counts; the network then reads log(1 + x) − log(1 + x̄).
        columns: those of x, if the data declare them.
        hidden: units of the hidden layers; [] makes b affine.
        activation: by name.

    Raises:
        UserError: no activation of that name, or a layer without units.

    Reference: Mnih, Gregor 2014, Neural variational inference and learning in belief networks, §2.3 (the
    input-dependent baseline).
    """

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
    ) -> None:
        super().__init__()
        self.input = DataInput(
            data_mean=data_mean,
            data_std=data_std,
            given_dim=given_dim,
            missing=missing,
            counts=counts,
            columns=columns,
        )
        self.data_dim = data_dim
        self.layers = mlp([self.input.dim, *hidden, 1], activation)

    def forward(self, r: Tensor, objective: Objective, x: Tensor, q: Posterior, z: Tensor) -> Tensor:
        # Detached, because the loss of the baseline must not train the modules that x depends on.
        return self.data_dim * self.layers(self.input(x.detach())).squeeze(-1)

    def loss(self, credit: Tensor, b: Tensor) -> Tensor:
        return ((credit - b) / self.data_dim).square().mean()
