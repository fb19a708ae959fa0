"""Expectations as finite sums or numerical integrals: the references for estimates."""

import itertools
from typing import NamedTuple

import torch
from torch import Tensor

from vaerun.model.base import Model
from vaerun.notation import Terms
from vaerun.objective.base import Objective
from vaerun.posterior.base import ClosedFormMean, Enumerable, Posterior

TUPLES = 1_500_000  # K-tuples of points that a sum may have
NEGLIGIBLE = 1e-20  # the probability below which a point is left out of a sum


class Space(NamedTuple):
    """Points z_s with volumes: Σ_s volume_s f(z_s) equals Σ_z f(z), or ∫ f(z) dz up to rounding."""

    z: Tensor  # Float[Tensor, "S #B D"]
    volume: Tensor  # Float[Tensor, "S #B"], or Float[Tensor, "1 1"] where all are the same


def space(support: str, latent_dim: int, *, width: float = 24.0, cell: float = 0.1, num_classes: int = 2) -> Space:
    """All of {0, 1}^D, all one-hot blocks, or a grid.

    On a grid the trapezoidal rule converges geometrically if the function is analytic and decays at both ends.
    """
    if support == "categorical":
        blocks = itertools.product(torch.eye(num_classes), repeat=latent_dim // num_classes)
        return Space(torch.stack([torch.cat(z) for z in blocks]).unsqueeze(1), torch.ones(1, 1))
    axis = torch.tensor([0.0, 1.0]) if support == "binary" else torch.arange(-width, width + cell / 2, cell)
    z = torch.cartesian_prod(*[axis] * latent_dim).reshape(-1, 1, latent_dim)
    return Space(z, torch.full((1, 1), 1.0 if support == "binary" else cell**latent_dim))


def wide_space(centre: Tensor, scale: Tensor, points: int, *, reach: float = 3.2) -> Space:
    """A grid z = centre + 2 scale sinh t, |t| ≤ reach equidistant: fine in the middle, wide for tails like e^−|z|.

    Args:
        centre: Float[Tensor, "1 D"]. If the density has a kink, it must be at the centre, which is a grid point.
        scale: Float[Tensor, "1 D"].
        points: of each coordinate, an odd number.
        reach: the largest t; the default ends at 24.5 scales.
    """
    # The middle must be exactly 0: a point beside a kink would have the derivative of one side.
    t = torch.arange(-(points // 2), points // 2 + 1, device=centre.device) * centre.new_tensor(
        2 * reach / (points - 1)
    )
    axis, width = 2 * t.sinh(), 2 * t.cosh() * (t[1] - t[0])
    dim = centre.shape[1]
    every = torch.cartesian_prod(*[torch.arange(points, device=centre.device)] * dim).reshape(-1, dim)
    volume = width[every].prod(-1, keepdim=True) * scale.prod()
    return Space(centre + (scale * axis[every]).unsqueeze(1), volume)


@torch.no_grad()
def spaces(q: Posterior, latent_dim: int, k: int) -> tuple[Space, Space] | None:
    """A fine space for K-fold sums under q and a coarse one for their error; None if a sum has too many terms."""
    if isinstance(q, Enumerable):
        listed = Space(q.support()[:, :1], q.support().new_ones(1, 1))
        return (listed, listed) if q.support_size**k <= TUPLES else None
    points = min(1001 if latent_dim == 1 else 301, int(TUPLES ** (1 / (k * latent_dim))))
    points -= (points - 1) % 4  # so that the coarse grid, every second point, contains the centre, too
    if points < 81:
        return None
    drawn = q.sample(4096)[:, 0]
    centre = q.mean()[:1] if isinstance(q, ClosedFormMean) else drawn.mean(0, keepdim=True)
    scale = drawn.std(0, keepdim=True)
    return wide_space(centre, scale, points), wide_space(centre, scale, (points + 1) // 2)


class Truth(NamedTuple):
    """Expectations under q of one point, differentiable in θ and φ, each Float[Tensor, ""]."""

    bound: Tensor  # E[J(r_1, …, r_K)]
    log_likelihood: Tensor  # E[log p(x given z)]
    kl: Tensor  # E[log q(z) − log p(z)]


def terms_over(q: Posterior, model: Model, x: Tensor, over: Space) -> Terms:
    """The terms of r(z_s) at every point of a space, for one x, each Float[Tensor, "S"]."""
    log_prior = model.log_prior(over.z, model.given(x))
    return Terms(model.log_likelihood(x, over.z)[:, 0], log_prior[:, 0], q.log_prob(over.z)[:, 0])


def truth(q: Posterior, model: Model, J: Objective, x: Tensor, over: Space, *, beta: float = 1.0) -> Truth:
    """E_q[J] of one x as the sum over all K-tuples of points of a space; the points do not depend on φ."""
    terms, volume = terms_over(q, model, x, over), over.volume[:, 0]
    # Points with negligible probability are left out, because r can be infinite there and 0 · ∞ is not a number.
    massive = (terms.log_q.detach().exp() * volume > NEGLIGIBLE).nonzero()[:, 0]
    log_likelihood, log_prior, log_q = (term[massive] for term in terms)
    probability = log_q.exp() * (volume[massive] if len(volume) > 1 else volume)
    r = log_likelihood + beta * (log_prior - log_q)
    # By broadcasting, because indexing has a slow derivative.
    rewards = torch.stack([axis.flatten() for axis in torch.meshgrid(*[r] * J.num_samples, indexing="ij")])
    weight = probability
    for _ in range(J.num_samples - 1):
        weight = weight.unsqueeze(-1) * probability
    return Truth(
        (weight.flatten() * J(rewards)).sum(),
        (probability * log_likelihood).sum(),
        (probability * (log_q - log_prior)).sum(),
    )


def log_evidence(model: Model, x: Tensor, over: Space) -> Tensor:
    """log p(x) as the sum over z: Float[Tensor, "B X"] ↦ Float[Tensor, "B"]."""
    z = over.z.expand(-1, len(x), -1)
    return (model.log_joint(x, z) + over.volume.log()).logsumexp(0)
