"""Expectations by the plainest means, which share no code with ``vaerun.exact``: what the tests hold methods against.

``loops`` is the definition, point by point, in Python's own floats. The rest is differentiable, and held to it.
"""

import itertools
import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Independent, Normal, kl_divergence

from vaerun.model.base import Model
from vaerun.model.linear_gaussian import LinearGaussian
from vaerun.objective.base import Objective
from vaerun.posterior.base import Posterior
from vaerun.posterior.gaussian import Gaussian


class Space(NamedTuple):
    """Points of z and the volume each stands for."""

    z: Tensor  # Float[Tensor, "S #B D"]
    volume: Tensor  # Float[Tensor, "S #B"] or Float[Tensor, "1 1"]


class Truth(NamedTuple):
    """E_q[J], E_q[log p(x given z)] and E_q[log q(z) − log p(z)] of one point."""

    bound: Tensor
    log_likelihood: Tensor
    kl: Tensor


def space(support: str, latent_dim: int, *, width: float = 24.0, cell: float = 0.1, num_classes: int = 2) -> Space:
    """{0, 1}^D, all one-hot blocks, or an even grid from −width to width, the last coordinate fastest."""
    if support == "real":
        axis = torch.tensor([i * cell - width for i in range(round(2 * width / cell) + 1)])
        axes = torch.meshgrid(*[axis] * latent_dim, indexing="ij")
        return Space(torch.stack([a.flatten() for a in axes], -1).unsqueeze(1), torch.tensor([[cell**latent_dim]]))
    if support == "categorical":
        classes = [tuple(float(i == j) for j in range(num_classes)) for i in range(num_classes)]
        listed = [sum(blocks, ()) for blocks in itertools.product(classes, repeat=latent_dim // num_classes)]
    else:
        listed = list(itertools.product((0.0, 1.0), repeat=latent_dim))
    return Space(torch.tensor(listed).unsqueeze(1), torch.ones(1, 1))


def truth(q: Posterior, model: Model, J: Objective, x: Tensor, over: Space, *, beta: float = 1.0) -> Truth:
    """Σ_{z_1} p(z_1) … Σ_{z_K} p(z_K) J(r(z_1), …, r(z_K)), one sum after the other, for q of one point."""
    likelihood, prior = model.log_likelihood(x, over.z).squeeze(1), model.log_prior(over.z).squeeze(1)
    log_q = q.log_prob(over.z).squeeze(1)
    p = torch.exp(log_q) * over.volume.squeeze(1)
    has_mass = p.detach() != 0
    likelihood, prior, log_q, p = likelihood[has_mass], prior[has_mass], log_q[has_mass], p[has_mass]
    r = likelihood + beta * prior - beta * log_q
    grid = torch.meshgrid(*[r] * J.num_samples, indexing="ij")
    inner = J(torch.stack([axis.flatten() for axis in grid])).reshape(grid[0].shape)
    for _ in range(J.num_samples):
        inner = inner @ p
    return Truth(inner, torch.dot(p, likelihood), torch.dot(p, log_q - prior))


def loops(q: Posterior, model: Model, J: Objective, x: Tensor, over: Space, *, beta: float = 1.0) -> tuple[float, ...]:
    """E_q[J], E_q[log p(x given z)], E_q[log q − log p] and log p(x), summed value by value."""
    rows = []
    for z, volume in zip(over.z, over.volume.expand(len(over.z), 1).flatten().tolist(), strict=True):
        terms = (model.log_likelihood(x, z.unsqueeze(0)), model.log_prior(z.unsqueeze(0)), q.log_prob(z.unsqueeze(0)))
        rows.append((*(float(term.detach()) for term in terms), volume))
    bound = likelihood = kl = evidence = 0.0
    for log_likelihood, log_prior, log_q, volume in rows:
        likelihood += volume * math.exp(log_q) * log_likelihood
        kl += volume * math.exp(log_q) * (log_q - log_prior)
        evidence += volume * math.exp(log_likelihood + log_prior)
    for chosen in itertools.product(rows, repeat=J.num_samples):
        rewards = [log_likelihood + beta * (log_prior - log_q) for log_likelihood, log_prior, log_q, _ in chosen]
        probability = math.prod(volume * math.exp(log_q) for _, _, log_q, volume in chosen)
        bound += probability * float(J(torch.tensor(rewards).unsqueeze(1)))
    return bound, likelihood, kl, math.log(evidence)


def log_evidence(model: Model, x: Tensor, over: Space) -> Tensor:
    """log ∫ p(x given z) p(z) dz of every x: Float[Tensor, "B X"] ↦ Float[Tensor, "B"]."""
    z = over.z.expand(-1, len(x), -1)
    log_joint = model.log_likelihood(x, z) + model.log_prior(z)
    largest = log_joint.amax(0)
    return largest + torch.log(((log_joint - largest).exp() * over.volume).sum(0))


def exact_elbo(model: LinearGaussian, x: Tensor, phi: Tensor) -> Tensor:
    """E_q[log p(x given z)] − KL(q ‖ N(0, I)) of a diagonal Gaussian q, Float[Tensor, "B"].

    log p(x given z) is that at q's mean, less ½ tr(Wᵀ W Σ) / σ², because it is quadratic in z.
    """
    q = Gaussian(latent_dim=model.latent_dim)(phi)
    normal = Independent(Normal(q.mu, q.log_sigma.exp()), 1)
    sigma = model.log_sigma().exp()
    at_mean = Normal(model.mu + q.mu @ model.W.T, sigma).log_prob(x).sum(-1)
    spread = torch.einsum("xd,bd,xd->b", model.W, normal.variance, model.W) / (2 * sigma**2)
    prior = Independent(Normal(torch.zeros_like(q.mu), torch.ones_like(q.mu)), 1)
    return at_mean - spread - kl_divergence(normal, prior)
