"""The variance of gradient estimators: against closed forms, and known inequalities between estimators."""

import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from vaerun.errors import UserError
from vaerun.exact.expectation import Space, terms_over
from vaerun.exact.variance import BITS, NORMALS
from vaerun.model.linear_gaussian import LinearGaussian
from vaerun.nn.bounded_scale import LIMIT
from vaerun.verify.claim import THRESHOLD, Claim, by_chance, left_out, raised, within, z_scores
from vaerun.verify.gradient_samples import ROWS, gradients, linear, posed, train
from vaerun.verify.offer import Offer, spoken

CONCERNS = ("estimator", "estimator/baseline")

ORDERS = (
    ("disarm", "arm"),
    ("score/leave_one_out", "score/none"),
    ("score/optimal_constant", "score/none"),
    ("rebar", "score/none"),
    ("relax", "score/none"),
)
"""In each pair the first has the lower variance: always (disarm, optimal_constant), or on typical problems."""


def claims(offer: Offer, *, seed: int, device: torch.device) -> Iterator[Claim]:
    """Claims of the given methods whose variance is known, if the posterior and objective of the problem are legal."""
    methods = {spoken(method): method for method in offer.variants("estimator")}
    for name, method in methods.items():
        for law in (one_bit, at_the_posterior):
            try:
                yield from law(offer, name, method, seed=seed, device=device)
            except UserError as refusal:
                yield left_out(name, law.__name__, refusal)
            except Exception as error:
                yield raised(name, law.__name__, error)
    for less, more in ORDERS:
        if less in methods and more in methods:
            yield from order(offer, (less, methods[less]), (more, methods[more]), device=device)


def variance(values: Tensor) -> tuple[Tensor, Tensor]:
    """The variance of every column and its standard error: Float[Tensor, "R P"] ↦ twice Float[Tensor, "P"]."""
    square = (values - values.mean(0)).square()
    return square.mean(0), square.std(0) / math.sqrt(len(values))


def one_bit(offer: Offer, name: str, method: Mapping[str, str], *, seed: int, device: torch.device) -> Iterator[Claim]:
    """One Bernoulli z: the variance depends on two rewards and a logit."""
    if name not in BITS:
        return
    k, formula = BITS[name]
    choices = {**method, "posterior": "bernoulli", "objective": "elbo"}
    problem = posed(offer, choices, k, seed=seed, device=device, values=2)
    if problem is None:
        return
    q = problem.q(problem.phi)
    z = torch.tensor([[[0.0]], [[1.0]]], device=device)
    terms = terms_over(q, problem.model, problem.x, Space(z, z.new_ones(1, 1)))
    r0, r1 = (terms.log_likelihood + terms.log_prior - terms.log_q).tolist()
    known = formula(r0, r1, float(problem.phi))
    found, error = variance(gradients(problem)[0])
    z_score = float(z_scores(found, error, torch.full_like(found, known), freedom=ROWS))
    told = f"{float(found):.5f}, known {known:.5f}"
    yield by_chance(name, f"one bit, K={k}", "variance in closed form", z=z_score, measured=told)


def at_the_posterior(
    offer: Offer, name: str, method: Mapping[str, str], *, seed: int, device: torch.device
) -> Iterator[Claim]:
    """A linear-Gaussian model; q is its exact posterior."""
    if name not in NORMALS:
        return
    k, formula = NORMALS[name]
    problem = linear(offer, method, "elbo", k, seed=seed, device=device)
    if problem is None:
        return
    assert isinstance(problem.model, LinearGaussian)
    v = float(problem.model.exact_posterior(problem.x)[1].detach())
    scale = 1 - (0.5 * math.log(v) / LIMIT) ** 2  # ∂ log σ / ∂ raw
    known = torch.tensor(formula(v), device=device) * torch.tensor((1.0, scale**2), device=device)
    replicas = gradients(problem)[0]
    if not known.any():
        yield within(name, f"q = p(z given x), K={k}", "∇φ exactly zero", error=float(replicas.abs().max()))
        return
    found, error = variance(replicas)
    z = float(z_scores(found, error, known, freedom=ROWS).max())
    yield by_chance(name, f"q = p(z given x), K={k}", "variance in closed form", z=z)


def order(
    offer: Offer,
    less: tuple[str, Mapping[str, str]],
    more: tuple[str, Mapping[str, str]],
    *,
    device: torch.device,
) -> Iterator[Claim]:
    """Variances summed over φ at K = 2 on two bits, after the estimator's own weights were trained."""
    found = []
    for _, method in (less, more):
        choices = {**method, "posterior": "bernoulli", "objective": "elbo"}
        problem = posed(offer, choices, 2, seed=0, device=device)
        if problem is None:
            return
        train(problem)
        square = gradients(problem)[0]
        found.append((square - square.mean(0)).square().sum(1))
    low, high = (square.mean() for square in found)
    error = torch.stack([square.var() / len(square) for square in found]).sum().sqrt()
    z = max(float((low - high) / error), 0.0)
    told = f"{float(low):.4f} ≤ {float(high):.4f}" if z <= THRESHOLD else f"{float(low):.4f} > {float(high):.4f}"
    yield by_chance(less[0], "bernoulli, elbo, K=2", f"varies no more than {more[0]}", z=z, measured=told)
