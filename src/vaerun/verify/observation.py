"""p_θ(z) and p(x given outputs): they sum to one if and only if they are declared densities."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from vaerun.errors import UserError
from vaerun.exact.expectation import Space, space, wide_space
from vaerun.model.likelihood.base import Likelihood
from vaerun.model.vae import VAE
from vaerun.posterior.base import Enumerable
from vaerun.verify.claim import Claim, left_out, raised, within
from vaerun.verify.offer import Offer
from vaerun.verify.small import Problem, Setting, make_problem

CONCERNS = ("model/prior", "model/likelihood")
NORMALISED = 1e-5


def claims(offer: Offer, *, seed: int, device: torch.device) -> Iterator[Claim]:
    """Claims of every given prior and likelihood; of all of them if none is given."""
    for group, law in (("model/prior", prior), ("model/likelihood", likelihood)):
        if offer.chosen and group not in offer.chosen:
            continue
        for name in offer.names(group):
            try:
                problem = posed(offer, group, name, seed=seed, device=device)
            except UserError as refusal:
                if offer.chosen:
                    raise
                yield left_out(name, "", refusal)
                continue
            try:
                if problem is not None:
                    yield from law(problem, name)
            except Exception as error:
                yield raised(name, "", error)


def posed(offer: Offer, group: str, name: str, *, seed: int, device: torch.device) -> Problem | None:
    """A problem with this prior or likelihood, and the first posterior that fits."""
    rest = {"objective": "elbo", "estimator": "score", "estimator/baseline": "none", group: name}
    for posterior in offer.names("posterior"):
        parts = offer.parts({**rest, "posterior": posterior})
        if parts is not None:
            return make_problem(offer, parts, Setting(1, 1.0, coordinates=2), seed=seed, device=device)
    return None


@torch.no_grad()
def prior(problem: Problem, name: str) -> Iterator[Claim]:
    """Σ p(z) = 1."""
    q = problem.q(problem.phi)
    if isinstance(q, Enumerable):
        over = Space(q.support(), q.support().new_ones(1, 1))
    else:
        middle = torch.zeros_like(q.sample(1)[0])
        over = wide_space(middle, torch.ones_like(middle), 301)
    total = float((problem.model.log_prior(over.z)[:, 0].exp() * over.volume[:, 0]).sum())
    where = f"D={problem.family.latent_dim}"
    yield within(name, where, "sums to one", error=abs(total - 1), allowed=NORMALISED, measured=f"{total:.9f}")


@torch.no_grad()
def likelihood(problem: Problem, name: str) -> Iterator[Claim]:
    """Σ p(x given z) = 1 if and only if the likelihood is declared a density."""
    assert isinstance(problem.model, VAE)
    p = problem.model.likelihood
    single = problem.q(problem.phi).sample(1)
    outputs = problem.model.decoder(single)
    axis, volume = axis_of(p, outputs)
    total, X = 1.0, p.data_dim
    # The sum factorises: one coordinate varies at a time, and the factor of the others is divided out.
    x = axis[len(axis) // 2].expand(1, X)
    base = p.log_prob(x, outputs)[0, 0]
    for j in range(X):
        rows = x.expand(len(axis), -1).clone()
        rows[:, j] = axis
        total *= float((p.log_prob(rows, outputs.expand(1, len(axis), -1))[0].exp() * volume).sum() / base.exp())
    total *= float(base.exp())
    error, told = abs(total - 1), f"{total:.9f}"
    if p.normalized:
        yield within(name, f"X={X}", "sums to one over x", error=error, allowed=NORMALISED, measured=told)
    else:
        yield within(name, f"X={X}", "is not a density", error=float(error <= NORMALISED), allowed=0.0, measured=told)


def axis_of(p: Likelihood, outputs: Tensor) -> tuple[Tensor, Tensor]:
    """The values of one coordinate of x, and the volume of each."""
    like = outputs.new_ones
    if p.levels is not None:
        return torch.linspace(0, 1, p.levels, device=outputs.device), like(p.levels)
    if p.data_support == "binary":
        return torch.tensor([0.0, 1.0], device=outputs.device), like(2)
    if p.data_support == "unit":
        nodes, weights = (torch.from_numpy(a).to(outputs) for a in np.polynomial.legendre.leggauss(60))
        return nodes / 2 + 0.5, weights / 2
    over = space("real", 1, width=60.0, cell=0.01)
    return over.z[:, 0, 0].to(outputs), over.volume.expand(len(over.z), -1)[:, 0].to(outputs)
