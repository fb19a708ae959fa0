"""z = μ + σ T_F(… T_1(ε)), T_f(y)_d a monotonic rational-quadratic spline of y_d given y_1, …, y_{d−1} and c."""

from collections.abc import Sequence

from vaerun.config.ranges import at_least
from vaerun.errors import UserError
from vaerun.posterior.shared_flow import SharedFlowFamily, zuko_flows


class Spline(SharedFlowFamily):
    """q(z; φ) of z = μ + σ T_F(… T_1(ε)), T_f(y)_d a monotonic spline of y_d on [−5, 5] and the identity beyond.

    φ = (μ, s, c), log σ = 7 tanh(s / 7), P = 2D + C. Knots and slopes are functions of y_1, …, y_{d−1} and
    7 tanh(c / 7), by networks that all points share and that are trained with λ; every second one has the coordinates
    in reverse order. A sample and its density need one pass of each network; the density of a given z needs D passes. T
    acts on standardised noise, so the interval [−5, 5] fits every q.

    Args:
        latent_dim: D.
        context: C.
        transforms: F.
        bins: pieces of each spline.
        hidden: units of each network's hidden layers.

    Raises:
        UserError: a size is below 1, ``bins`` < 2, or zuko is not installed.

    Reference: Durkan et al. 2019, Neural spline flows, §3.
    """

    def __init__(
        self,
        *,
        latent_dim: int,
        context: int = 16,
        transforms: int = 1,
        bins: int = 8,
        hidden: Sequence[int] = (64,),
    ) -> None:
        at_least("posterior.transforms", transforms, 1)
        if any(units < 1 for units in hidden):
            raise UserError(f"every size in posterior.hidden must be at least 1, got {list(hidden)}.")
        at_least("posterior.bins", bins, 2)
        flows = zuko_flows()

        def transform(**sizes: int) -> object:
            return flows.NSF(**sizes, transforms=transforms, bins=bins, hidden_features=list(hidden))

        super().__init__(latent_dim=latent_dim, context=context, transform=transform)
