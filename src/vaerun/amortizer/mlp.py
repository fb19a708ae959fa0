"""φ = A_L h(… h(A_1 (x − x̄)/4s)): a multilayer perceptron on standardised data."""

from collections.abc import Sequence

import torch
from torch import Tensor

from vaerun.amortizer.base import Amortizer, numbers_read
from vaerun.nn.data_input import DataInput
from vaerun.nn.initial_weights.base import InitialWeights
from vaerun.nn.initial_weights.pytorch import PYTORCH
from vaerun.nn.network import last_map, mlp
from vaerun.notation import Column


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
        given_dim: C, the numbers that the model conditions on and that follow those of x in a row.
        reads_given: whether the encoder reads these numbers: q(z; f_λ(x, c)), or q(z; f_λ(x)).
        missing: whether values of x are missing (nan); the network then reads a mask, too.
        counts: whether x are counts; the network then reads log(1 + x) − log(1 + x̄).
        columns: those of x, if the data declare them.
        hidden: units of the hidden layers; [] makes f_λ affine.
        activation: h, by name.
        spread: what x − x̄ is divided by, in the unit of x; None for 4s.
        initial_weights: of the affine maps; the initial φ replaces their last bias.

    Raises:
        UserError: no activation of that name, a layer without units, ``reads_given`` is false without a condition, or
            ``spread`` is not above 0, or given for counts or declared columns, which are not divided by 4s.

    Reference: Kingma, Welling 2014, Auto-encoding variational Bayes, appendix C; Dayan et al. 1995 (recognition model).
    """

    def __init__(
        self,
        *,
        data_dim: int,
        num_parameters: int,
        data_mean: Tensor,
        data_std: float,
        initial: Tensor,
        given_dim: int = 0,
        reads_given: bool = True,
        missing: bool = False,
        counts: bool = False,
        columns: Sequence[Column] = (),
        hidden: Sequence[int] = (400,),
        activation: str = "relu",
        spread: float | None = None,
        initial_weights: InitialWeights = PYTORCH,
    ) -> None:
        super().__init__()
        read = numbers_read(given_dim, reads_given=reads_given)
        self.input = DataInput(
            data_mean=data_mean,
            data_std=data_std,
            spread=spread,
            given_dim=read,
            missing=missing,
            counts=counts,
            columns=columns,
        )
        self.layers = mlp([self.input.dim, *hidden, num_parameters], activation, initial_weights)
        with torch.no_grad():
            last_map(self.layers).bias.copy_(initial)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(self.input(x))
