"""z = μ + σ T_F(… T_1(ε)), T_f(y) = y + û_f tanh(w_fᵀ y + b_f), φ = (μ, raw log σ, u, w, b)."""

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import softplus

from vaerun.config.ranges import at_least
from vaerun.nn.bounded_scale import bounded_log_scale, location_scale
from vaerun.posterior.base import Family
from vaerun.posterior.flow import Flow
from vaerun.posterior.pattern import waves

FLATTEST = 1e-3  # smallest stretch of a layer along w; at 0 it would not be invertible
ITERATIONS = 16  # of Newton's method: enough for float64 precision at every φ


class PlanarFlow(Flow):
    """z = μ + σ T_F(… T_1(ε)), T_f(y) = y + û_f tanh(w_fᵀ y + b_f).

    T_f changes y only along û_f. Its inverse needs the root s of s + (w_fᵀ û_f) tanh s = w_fᵀ y + b_f, which is unique.

    Args:
        mu: μ, Float[Tensor, "B D"].
        log_sigma: log σ, Float[Tensor, "B D"].
        u: û, Float[Tensor, "B F D"].
        w: Float[Tensor, "B F D"].
        b: Float[Tensor, "B F"].
        gain: wᵀ û > −1, Float[Tensor, "B F"].
    """

    def __init__(self, mu: Tensor, log_sigma: Tensor, u: Tensor, w: Tensor, b: Tensor, gain: Tensor) -> None:
        super().__init__(mu, log_sigma)
        self.u, self.w, self.b, self.gain = u, w, b, gain

    def transform(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        y, log_det = noise, torch.zeros_like(noise[..., 0])
        for f in range(self.b.shape[1]):
            h = torch.tanh((self.w[:, f] * y).sum(-1) + self.b[:, f])
            y = y + self.u[:, f] * h.unsqueeze(-1)
            log_det = log_det + torch.log1p(self.gain[:, f] * (1 - h.square()))
        return y, log_det

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        log_det = torch.zeros_like(y[..., 0])
        for f in reversed(range(self.b.shape[1])):
            h = torch.tanh(solve(self.gain[:, f], (self.w[:, f] * y).sum(-1) + self.b[:, f]))
            y = y - self.u[:, f] * h.unsqueeze(-1)
            log_det = log_det + torch.log1p(self.gain[:, f] * (1 - h.square()))
        return y, log_det

    def frozen(self) -> "PlanarFlow":
        tensors = (self.mu, self.log_sigma, self.u, self.w, self.b, self.gain)
        return PlanarFlow(*(tensor.detach() for tensor in tensors))


def solve(gain: Tensor, value: Tensor) -> Tensor:
    """s with s + gain tanh s = value, differentiable (once) in both; gain > −1.

    Both sides are odd, so s has the sign of the value. For that sign, the left side is concave or convex, and Newton's
    method converges monotonically from a bound of the root. One more step, from the root without gradient, has the
    derivative of the implicit function theorem.
    """
    with torch.no_grad():
        size = value.abs()
        bounds = size - gain, size / (1 + gain)
        s = torch.where(gain > 0, torch.maximum(*bounds), torch.minimum(*bounds))
        for _ in range(ITERATIONS):
            h = torch.tanh(s)
            s = s - (s + gain * h - size) / (1 + gain * (1 - h.square()))
        s = s * value.sign()
        h = torch.tanh(s)
        slope = 1 + gain * (1 - h.square())
    return s - (s + gain * h - value) / slope


class Planar(Family):
    """q(z; φ) of z = μ + σ T_F(… T_1(ε)), T_f(y) = y + û_f tanh(w_fᵀ y + b_f), P = 2D + F (2D + 1).

    All parameters are per point: no weights are shared. u, w, b and log σ are 7 tanh(raw / 7). û is u with its
    component along w changed so that wᵀ û = softplus(wᵀ u + c) − 1 + 0.001, which is 0 at the initial u = 0, where the
    layer is the identity. The paper has softplus(wᵀ u) − 1 without the constants, and applies location and scale before
    the layers instead of after them. A sample and its density need one pass; the density of a given z needs a scalar
    root per layer.

    Args:
        latent_dim: D.
        flows: F.

    Raises:
        UserError: F < 1.

    Reference: Rezende, Mohamed 2015, Variational inference with normalizing flows, eq. 10 and appendix A.1.
    """

    posterior: ClassVar = PlanarFlow
    support: ClassVar[str] = "real"

    def __init__(self, *, latent_dim: int, flows: int = 4) -> None:
        super().__init__(latent_dim=latent_dim)
        at_least("posterior.flows", flows, 1, "use posterior=gaussian for no layer")
        self.flows = flows

    @property
    def num_parameters(self) -> int:
        return 2 * self.latent_dim + self.flows * (2 * self.latent_dim + 1)

    def initial(self) -> Tensor:
        """Identity layers, u = 0, with different directions w; at w = 0, neither would have a gradient."""
        axes = torch.eye(self.latent_dim)[torch.arange(self.flows) % self.latent_dim]
        w = 2 * axes + waves(self.latent_dim, self.flows).T
        zeros = torch.zeros(2 * self.latent_dim + self.flows * self.latent_dim)
        return torch.cat((zeros, (w / w.norm(dim=1, keepdim=True)).flatten(), torch.zeros(self.flows)))

    def scale(self, phi: Tensor) -> Tensor:
        return location_scale(phi, self.latent_dim)

    def forward(self, phi: Tensor) -> PlanarFlow:
        dim, length = self.latent_dim, self.flows * self.latent_dim
        mu, bounded = phi[:, :dim], bounded_log_scale(phi[:, dim:])
        log_sigma, u, w, b = bounded.split((dim, length, length, self.flows), dim=-1)
        u, w = u.unflatten(-1, (self.flows, dim)), w.unflatten(-1, (self.flows, dim))
        product = (w * u).sum(-1)
        floor = 1 - FLATTEST
        gain = softplus(product + math.log(math.expm1(floor))) - floor
        along = (gain - product) / w.square().sum(-1).clamp_min(1e-12)
        return PlanarFlow(mu, log_sigma, u + along.unsqueeze(-1) * w, w, b, gain)
