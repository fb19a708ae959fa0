"""z = μ + σ T_F(… T_1(ε)), T_f(y)_d = y_d exp(g_fd(y_1, …, y_{d−1}, c)) + m_fd(y_1, …, y_{d−1}, c)."""

from collections.abc import Sequence

from vaerun.config.ranges import at_least
from vaerun.errors import UserError
from vaerun.posterior.shared_flow import SharedFlowFamily, zuko_flows


class IAF(SharedFlowFamily):
    """q(z; φ) of z = μ + σ T_F(… T_1(ε)), T_f(y)_d = y_d exp(g_fd) + m_fd, functions of y_1, …, y_{d−1} and c.

    φ = (μ, s, c), log σ = 7 tanh(s / 7), P = 2D + C. The networks (g, m) are shared by all points and trained with λ;
    their input is 7 tanh(c / 7), and every second one has the coordinates in reverse order. A sample and its density
    need one pass of each network; the density of a given z needs D passes. The paper applies location and scale before
    the layers instead of after them, and gates y instead of scaling it by a bounded exponential.

    Args:
        latent_dim: D.
        context: C.
        transforms: F.
        hidden: units of each network's hidden layers.

    Raises:
        UserError: a size is below 1, or zuko is not installed.

    Reference: Kingma et al. 2016, Improving variational inference with inverse autoregressive flow, §4.
    """

    def __init__(
        self, *, latent_dim: int, context: int = 16, transforms: int = 2, hidden: Sequence[int] = (64,)
    ) -> None:
        at_least("posterior.transforms", transforms, 1)
        if any(units < 1 for units in hidden):
            raise UserError(f"every size in posterior.hidden must be at least 1, got {list(hidden)}.")
        flows = zuko_flows()

        def transform(**sizes: int) -> object:
            return flows.MAF(**sizes, transforms=transforms, hidden_features=list(hidden))

        super().__init__(latent_dim=latent_dim, context=context, transform=transform)
