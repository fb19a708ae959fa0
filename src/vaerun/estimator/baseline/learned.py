"""b(x) = X · network(x)."""

from collections.abc import Sequence

from torch import Tensor

from vaerun.estimator.baseline.base import Baseline
from vaerun.nn.network import mlp
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
        hidden: units of the hidden layers; [] makes b affine.
        activation: by name.

    Raises:
        UserError: no activation of that name, or a layer without units.

    Reference: Mnih, Gregor 2014, Neural variational inference and learning in belief networks, §2.3 (the
    input-dependent baseline).
    """

    data_mean: Tensor

    def __init__(
        self,
        *,
        data_dim: int,
        data_mean: Tensor,
        data_std: float,
        hidden: Sequence[int] = (100,),
        activation: str = "tanh",
    ) -> None:
        super().__init__()
        self.register_buffer("data_mean", data_mean.clone())
        self.spread = 4 * data_std
        self.data_dim = data_dim
        self.layers = mlp([data_dim, *hidden, 1], activation)

    def forward(self, r: Tensor, objective: Objective, x: Tensor, q: Posterior, z: Tensor) -> Tensor:
        # Detached, because the loss of the baseline must not train the modules that x depends on.
        return self.data_dim * self.layers((x.detach() - self.data_mean).div_(self.spread)).squeeze(-1)

    def loss(self, credit: Tensor, b: Tensor) -> Tensor:
        return ((credit - b) / self.data_dim).square().mean()
