"""∇ E_q[J(r)] by the score function, with a learned function of a relaxed z as control variate."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vaerun.estimator.base import evaluate
from vaerun.estimator.coupled import Coupled
from vaerun.model.base import Model
from vaerun.nn.data_input import DataInput
from vaerun.nn.network import last_map, mlp
from vaerun.notation import Column
from vaerun.objective.base import Objective
from vaerun.posterior.base import LayeredRelaxable


class Relax(Coupled):
    """∇_φ E_q[J(r)] as in REBAR, with h(g) = r(soften(g, τ)) + X · network(soften(g, τ), x) as control variate: RELAX.

    The network starts at zero, where RELAX equals REBAR. It is trained with η and τ to reduce the variance.

    Args:
        latent_dim: D.
        data_dim: X.
        data_mean: x̄, Float[Tensor, "X"].
        data_std: s; x enters as (x − x̄)/4s.
        given_dim: C, the numbers that the model conditions on and that follow those of x in a row.
        missing: whether values of x are missing (nan); the network then reads a mask, too.
        counts: whether x are counts; the network then reads log(1 + x) − log(1 + x̄).
        columns: those of x, if the data declare them.
        eta: the initial η.
        tau: the initial τ.
        step_factor: the steps of η and log τ, in units of those of the network and the model.
        hidden: units of the network's hidden layers.
        activation: by name; smooth, since its second derivatives are used.

    Raises:
        UserError: τ ≤ 0, ``step_factor`` ≤ 0, no activation of that name, or a layer without units.

    Reference: Grathwohl et al. 2018, Backpropagation through the void, §3 and its experiments on discrete VAEs.
    """

    def __init__(
        self,
        *,
        latent_dim: int,
        data_dim: int,
        data_mean: Tensor,
        data_std: float,
        given_dim: int = 0,
        missing: bool = False,
        counts: bool = False,
        columns: Sequence[Column] = (),
        eta: float = 1.0,
        tau: float = 0.5,
        step_factor: float = 10.0,
        hidden: Sequence[int] = (100,),
        activation: str = "tanh",
    ) -> None:
        super().__init__(eta=eta, tau=tau, step_factor=step_factor)
        self.input = DataInput(
            data_mean=data_mean,
            data_std=data_std,
            given_dim=given_dim,
            missing=missing,
            counts=counts,
            columns=columns,
        )
        self.data_dim = data_dim
        self.layers = mlp([latent_dim + self.input.dim, *hidden, 1], activation)
        last = last_map(self.layers)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def control_variate(
        self, q: LayeredRelaxable, model: Model, objective: Objective, x: Tensor, soft: Tensor
    ) -> Tensor:
        seen = self.input(x.detach()).expand(len(soft), -1, -1)
        learned = self.data_dim * self.layers(torch.cat((soft, seen), -1)).squeeze(-1)
        return objective.reward(evaluate(model, x, soft, q.log_prob(soft))) + learned
