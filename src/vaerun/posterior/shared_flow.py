"""z = μ + σ T(ε; c): flows of the package zuko, whose networks all points share."""

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vaerun.config.ranges import at_least
from vaerun.errors import MissingPackageError
from vaerun.nn.bounded_scale import bounded_log_scale, location_scale
from vaerun.posterior.base import Family
from vaerun.posterior.flow import Flow
from vaerun.posterior.masked import constant


class SharedFlow(Flow):
    """z = μ + σ T(ε; c) where T has shared weights and c differs per point.

    Args:
        mu: μ, Float[Tensor, "B D"].
        log_sigma: log σ, Float[Tensor, "B D"].
        context: c, Float[Tensor, "B C"].
        layers: T, or its inverse.
    """

    def __init__(self, mu: Tensor, log_sigma: Tensor, context: Tensor, layers: Callable[..., Any]) -> None:
        super().__init__(mu, log_sigma)
        self.context, self.layers = context, layers

    def transform(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        return self.layers(noise, self.context, False)

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        return self.layers(y, self.context, True)

    def frozen(self) -> "SharedFlow":
        layers = constant(self.layers) if isinstance(self.layers, nn.Module) else self.layers
        return SharedFlow(self.mu.detach(), self.log_sigma.detach(), self.context.detach(), layers)


class Layers(nn.Module):
    """(T(ε), log|det ∂T/∂ε|) and the inverse of T.

    Args:
        transform: of zuko, from ε to T(ε) in one pass of the networks; the inverse needs D passes.
    """

    def __init__(self, transform: Any) -> None:
        super().__init__()
        self.transform = transform
        with torch.no_grad():
            for layer in transform.transforms:
                last = layer.hyper[-1]
                last.weight.mul_(0.01)  # near the identity, but with a gradient for the layers before
                last.bias.zero_()

    def forward(self, values: Tensor, context: Tensor, inverse: bool) -> tuple[Tensor, Tensor]:
        transform = self.transform(context)
        if not inverse:
            return transform.call_and_ladj(values)
        noise, log_det = transform.inv.call_and_ladj(values)
        return noise, -log_det


class SharedFlowFamily(Family):
    """q(z; φ) of z = μ + σ T(ε; 7 tanh(c / 7)), φ = (μ, s, c), log σ = 7 tanh(s / 7), P = 2D + C.

    Args:
        latent_dim: D.
        context: C.
        transform: (features, context) ↦ zuko's flow of D features given C numbers.

    Raises:
        UserError: C < 1, or zuko is not installed.
    """

    posterior: ClassVar = SharedFlow
    support: ClassVar[str] = "real"

    def __init__(self, *, latent_dim: int, context: int, transform: Callable[..., Any]) -> None:
        super().__init__(latent_dim=latent_dim)
        at_least("posterior.context", context, 1)
        self.context = context
        self.layers = Layers(transform(features=latent_dim, context=context).transform)

    @property
    def num_parameters(self) -> int:
        return 2 * self.latent_dim + self.context

    def initial(self) -> Tensor:
        return torch.zeros(self.num_parameters)

    def scale(self, phi: Tensor) -> Tensor:
        return location_scale(phi, self.latent_dim)

    def forward(self, phi: Tensor) -> SharedFlow:
        mu, raw, context = phi.split((self.latent_dim, self.latent_dim, self.context), dim=-1)
        return SharedFlow(mu, bounded_log_scale(raw), bounded_log_scale(context), self.layers)


def zuko_flows() -> Any:
    """The module ``zuko.flows``, which is imported when a flow is built.

    Raises:
        UserError: it is not installed.
    """
    checks = Distribution.__dict__["_validate_args"]
    try:
        from zuko import flows
    except ModuleNotFoundError as error:
        if error.name != "zuko":
            raise
        raise MissingPackageError("a posterior such as iaf or spline", "zuko", extra="flows") from None
    Distribution.set_default_validate_args(checks)  # importing zuko disables the checks of all distributions
    return flows
