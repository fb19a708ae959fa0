"""Single replicas of a gradient, on problems with known properties."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from vaerun.model.linear_gaussian import LinearGaussian
from vaerun.nn.bounded_scale import LIMIT
from vaerun.verify.offer import Offer
from vaerun.verify.small import Problem, Setting, make_problem

ROWS = 200_000


def posed(
    offer: Offer, choices: Mapping[str, str], k: int, *, seed: int, device: torch.device, values: int = 4
) -> Problem | None:
    """The problem of these choices at β = 1; None if other choices are given or they do not fit together."""
    if any(offer.chosen.get(group, name) != name for group, name in choices.items()):
        return None
    known = all(name in offer.catalogue.groups.get(group, {}) for group, name in choices.items())
    parts = offer.parts(choices) if known else None
    return make_problem(offer, parts, Setting(k, 1.0), seed=seed, device=device, values=values) if parts else None


def linear(
    offer: Offer, method: Mapping[str, str], objective: str, k: int, *, seed: int, device: torch.device
) -> Problem | None:
    """A linear-Gaussian model with one latent; q is its exact posterior."""
    choices = {**method, "posterior": "gaussian", "objective": objective, "model": "linear_gaussian"}
    problem = posed(offer, choices, k, seed=seed, device=device)
    if problem is None:
        return None
    assert isinstance(problem.model, LinearGaussian)
    mean, covariance = problem.model.exact_posterior(problem.x)
    raw = LIMIT * (0.5 * covariance.log() / LIMIT).atanh()
    return problem._replace(phi=torch.cat((mean, raw), 1).detach())


def gradients(problem: Problem, rows: int = ROWS) -> tuple[Tensor, Tensor]:
    """Replicas of ∇φ, Float[Tensor, "R P"], and ∇x, Float[Tensor, "R X"]; ∇x = −∇μ if the bound depends on x − μ."""
    chunks = []
    for _ in range(math.ceil(rows * problem.objective.num_samples / ROWS)):
        n = ROWS // problem.objective.num_samples
        leaves = [t.expand(n, -1).clone().requires_grad_() for t in (problem.phi, problem.x)]
        estimate = problem.estimator(problem.q(leaves[0]), problem.model, problem.objective, leaves[1])
        found = torch.autograd.grad(estimate.surrogate.sum(), leaves, allow_unused=True)
        chunks.append([torch.zeros_like(leaf) if g is None else g for g, leaf in zip(found, leaves, strict=True)])
    phi, x = (torch.cat(some) for some in zip(*chunks, strict=True))
    return phi, x


def train(problem: Problem, steps: int = 200) -> None:
    """Trains the estimator's own weights on its own loss, and fills its running averages."""
    weights = list(problem.estimator.parameters())
    optimizer = torch.optim.Adam(weights, lr=0.05) if weights else None
    for _ in range(steps):
        rows = problem.phi.expand(256, -1).clone().requires_grad_()
        estimate = problem.estimator(problem.q(rows), problem.model, problem.objective, problem.x.expand(256, -1))
        if optimizer is not None:
            optimizer.zero_grad()
            estimate.auxiliary.backward()
            optimizer.step()
