"""φ = A_L h(… h(A_1 (x − x̄)/4s)): a multilayer perceptron on standardised data."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vaerun.amortizer.base import Amortizer
from vaerun.nn.network import mlp


class MLPAmortizer(Amortizer):
    """f_λ(x) = A_L h(… h(A_1 (x − x̄)/4s + b_1)) + b_L, where b_L starts at the initial φ of the family.

    x̄ is the mean of the training data and s their standard deviation, pooled over all coordinates. Most values of
    (x − x̄)/4s lie in [−1, 1], like pixels, so the same learning rate works for data in any unit.

    Args:
        data_dim: X.
        num_parameters: P.
        data_mean: x̄, Float[Tensor, "X"].
        data_std: s.
        initial: φ near the prior, Float[Tensor, "P"].
        hidden: units of the hidden layers; [] makes f_λ affine.
        activation: h, by name.

    Raises:
        UserError: no activation of that name, or a layer without units.

    Reference: Kingma, Welling 2014, Auto-encoding variational Bayes, appendix C; Dayan et al. 1995 (recognition model).
    """

    data_mean: Tensor

    def __init__(
        self,
        *,
        data_dim: int,
        num_parameters: int,
        data_mean: Tensor,
        data_std: float,
        initial: Tensor,
        hidden: Sequence[int] = (400,),
        activation: str = "relu",
    ) -> None:
        super().__init__()
        self.register_buffer("data_mean", data_mean.clone())
        self.spread = 4 * data_std
        self.layers = mlp([data_dim, *hidden, num_parameters], activation)
        last = self.layers[-1]
        assert isinstance(last, nn.Linear)
        with torch.no_grad():
            last.bias.copy_(initial)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers((x - self.data_mean).div_(self.spread))
