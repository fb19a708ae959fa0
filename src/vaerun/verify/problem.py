"""Expectations that are finite sums, or integrals along an axis: what an estimate is held against."""

import itertools
from typing import NamedTuple

import torch
from torch import Tensor

from vaerun.model.base import Model
from vaerun.notation import Terms
from vaerun.objective.base import Objective
from vaerun.posterior.base import ClosedFormMean, Enumerable, Posterior

TUPLES = 1_500_000  # K-tuples of points that a sum may have


class Space(NamedTuple):
    """Points of z and the volume each stands for: Σ_s volume · f(z_s) is Σ_z f(z), or ∫ f(z) dz to rounding."""

    z: Tensor  # Float[Tensor, "S #B D"]
    volume: Tensor  # Float[Tensor, "S #B"], or Float[Tensor, "1 1"] where all are the same


def space(support: str, latent_dim: int, *, width: float = 24.0, cell: float = 0.1, num_classes: int = 2) -> Space:
    """All of {0, 1}^D, all one-hot blocks, or a grid.

    On a grid the trapezoidal rule converges geometrically for what is analytic and decays at both ends.
    """
    if support == "categorical":
        blocks = itertools.product(torch.eye(num_classes), repeat=latent_dim // num_classes)
        return Space(torch.stack([torch.cat(z) for z in blocks]).unsqueeze(1), torch.ones(1, 1))
    axis = torch.tensor([0.0, 1.0]) if support == "binary" else torch.arange(-width, width + cell / 2, cell)
    z = torch.cartesian_prod(*[axis] * latent_dim).reshape(-1, 1, latent_dim)
    return Space(z, torch.full((1, 1), 1.0 if support == "binary" else cell**latent_dim))


def wide_space(centre: Tensor, points: int) -> Space:
    """A grid in t with z = centre + 2 sinh t for |t| ≤ 3.2: fine in the middle, and out to 24 for tails like e^−|z|.

    Args:
        centre: Float[Tensor, "1 D"]. A density with a kink has it there, where halving the cells shows its error.
        points: of each coordinate, an odd number.
    """
    t = torch.linspace(-3.2, 3.2, points, device=centre.device, dtype=centre.dtype)
    axis, width = 2 * t.sinh(), 2 * t.cosh() * (t[1] - t[0])
    dim = centre.shape[1]
    every = torch.cartesian_prod(*[torch.arange(points, device=centre.device)] * dim).reshape(-1, dim)
    return Space(centre + axis[every].unsqueeze(1), width[every].prod(-1, keepdim=True))


def spaces(q: Posterior, latent_dim: int, k: int) -> tuple[Space, Space] | None:
    """Where K-fold sums under q are exact, and a coarser one that says how exact; None where there are too many."""
    if isinstance(q, Enumerable):
        listed = Space(q.support()[:, :1], q.support().new_ones(1, 1))
        return (listed, listed) if q.support_size**k <= TUPLES else None
    points = min(1001, int(TUPLES ** (1 / (k * latent_dim))))
    points -= (points - 1) % 4  # so that every second point is a grid that has the centre, too
    if points < 81:
        return None
    centre = q.mean().detach() if isinstance(q, ClosedFormMean) else torch.zeros_like(q.sample(1)[0])
    return wide_space(centre, points), wide_space(centre, (points + 1) // 2)


class Truth(NamedTuple):
    """Expectations under q of one point, differentiable in θ and φ, each Float[Tensor, ""]."""

    bound: Tensor  # E[J(r_1, …, r_K)]
    log_likelihood: Tensor  # E[log p(x given z)]
    kl: Tensor  # E[log q(z) − log p(z)]


def terms_over(q: Posterior, model: Model, x: Tensor, over: Space) -> Terms:
    """The terms of r at every point of a space, for one x, each Float[Tensor, "S"]."""
    return Terms(model.log_likelihood(x, over.z)[:, 0], model.log_prior(over.z)[:, 0], q.log_prob(over.z)[:, 0])


def truth(q: Posterior, model: Model, J: Objective, x: Tensor, over: Space, *, beta: float = 1.0) -> Truth:
    """E_q[J] of one x as the sum over all K-tuples of the points of a space, where no z depends on φ."""
    log_likelihood, log_prior, log_q = terms_over(q, model, x, over)
    r = log_likelihood + beta * (log_prior - log_q)
    probability = log_q.exp() * over.volume[:, 0]
    every = torch.arange(len(r), device=r.device)
    tuples = torch.cartesian_prod(*[every] * J.num_samples).reshape(-1, J.num_samples)
    # A point without mass is out of the sum whatever r is there; 0 · ∞ would poison it.
    possible = probability > 0
    r, log_likelihood = torch.where(possible, r, 0.0), torch.where(possible, log_likelihood, 0.0)
    log_ratio = torch.where(possible, log_q - log_prior, 0.0)
    values = J(r[tuples].T)
    return Truth(
        (probability[tuples].prod(1) * values).sum(),
        (probability * log_likelihood).sum(),
        (probability * log_ratio).sum(),
    )


def log_evidence(model: Model, x: Tensor, over: Space) -> Tensor:
    """log p(x) as the sum over z: Float[Tensor, "B X"] ↦ Float[Tensor, "B"]."""
    z = over.z.expand(-1, len(x), -1)
    return (model.log_joint(x, z) + over.volume.log()).logsumexp(0)
