"""q(z; φ): its density sums to one; samples, transport, KL and derivatives agree with it."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from vaerun.errors import UserError
from vaerun.exact.expectation import Space, spaces
from vaerun.model.prior.base import PriorDensity
from vaerun.posterior.base import ClosedFormKL, ClosedFormMean, Enumerable, Posterior, Reparameterized
from vaerun.verify.claim import EXACT, Claim, left_out, raised, within
from vaerun.verify.follow import DRAWS, follows
from vaerun.verify.offer import Offer
from vaerun.verify.small import Problem, Setting, make_problem

CONCERNS = ("posterior",)
GRID = 1e-4  # allowed error of a two-dimensional grid at a kink, which the coarse grid may not show


def claims(offer: Offer, *, seed: int, device: torch.device) -> Iterator[Claim]:
    """Claims of every given posterior, with every prior for which its KL has a closed form."""
    choices = {"objective": "elbo", "estimator": "score", "estimator/baseline": "none"}
    for name in offer.names("posterior"):
        parts = offer.parts({**choices, "posterior": name})
        if parts is None:
            continue
        try:
            problem = make_problem(offer, parts, Setting(1, 1.0, coordinates=2), seed=seed, device=device)
        except UserError as refusal:
            if name == offer.chosen.get("posterior"):
                raise
            yield left_out(name, "", refusal)
            continue
        try:
            yield from posterior(problem, name)
        except Exception as error:
            yield raised(name, "", error)


def posterior(problem: Problem, name: str) -> Iterator[Claim]:
    """The claims of one family, at one φ."""
    leaf = problem.phi.clone().requires_grad_()
    q, dim = problem.q(leaf), problem.family.latent_dim
    where = f"D={dim}"
    over = spaces(q, dim, 1)
    leaves = [leaf, *problem.family.parameters()]
    if over is not None:
        yield from sums(problem, q, over, name, where)
    if isinstance(q, Reparameterized):
        z, log_q = q.transport(q.noise(8))
        directions = torch.randn_like(log_q)
        one, other = (gradient((t * directions).sum(), leaves) for t in (log_q, q.log_prob(z)))
        yield within(
            name, where, "transport agrees with log_prob", error=float((one - other).abs().max()), allowed=1e-6
        )
        frozen = q.frozen().log_prob(z.detach())
        yield within(name, where, "frozen is a constant", error=float(frozen.requires_grad), allowed=0.0)
        apart = float((frozen - q.log_prob(z).detach()).abs().max())
        yield within(name, where, "frozen has its density", error=apart)
    yield steps(problem, name, where)
    prior = problem.model.prior_of(problem.model.given(problem.x))
    if isinstance(q, ClosedFormKL) and isinstance(prior, q.closed_form_with) and over is not None:
        both = [*leaves, *problem.model.prior.parameters()]
        fine, coarse = (gradient(summed_kl(q, prior, one), both) for one in over)
        off = (gradient(q.kl(prior)[0], both) - fine).abs() - (fine - coarse).abs()
        yield within(name, where, "KL agrees with the sum", error=max(float(off.max()), 0.0), allowed=1e-7)


def steps(problem: Problem, name: str, where: str) -> Claim:
    """Lengths of steps of single points are positive: the others would lead down, or nowhere."""
    found = {"scale": problem.family.scale(problem.phi), "inverse_fisher": problem.family.inverse_fisher(problem.phi)}
    wrong = [
        word
        for word, lengths in found.items()
        if lengths.shape != problem.phi.shape or not bool((lengths.isfinite() & (lengths > 0)).all())
    ]
    told = " and ".join(wrong) or "both"
    return within(name, where, "scale and inverse_fisher > 0", error=len(wrong), allowed=0.0, measured=told)


def summed_kl(q: Posterior, prior: PriorDensity, over: Space) -> Tensor:
    """Σ q (log q − log p), Float[Tensor, ""]."""
    log_q = q.log_prob(over.z)[:, 0]
    return (log_q.exp() * over.volume[:, 0] * (log_q - prior.log_prob(over.z)[:, 0])).sum()


def gradient(value: Tensor, leaves: Sequence[Tensor]) -> Tensor:
    """A number followed by its derivatives in all parameters, Float[Tensor, "1+P"]."""
    found = torch.autograd.grad(value, leaves, retain_graph=True, allow_unused=True)
    filled = [torch.zeros_like(leaf) if g is None else g for g, leaf in zip(found, leaves, strict=True)]
    return torch.cat([value.detach().reshape(1), *(g.flatten() for g in filled)])


def sums(problem: Problem, q: Posterior, over: tuple[Space, Space], name: str, where: str) -> Iterator[Claim]:
    """Σ q = 1, and samples, transported noises and ``mean`` agree with sums over q."""
    with torch.no_grad():
        logs = (q.log_prob(over[0].z)[:, 0], q.log_prob(over[1].z)[:, 0])
        masses, firsts = [], []
        for one, log_q in zip(over, logs, strict=True):
            mass = log_q.exp() * one.volume[:, 0]
            masses.append(mass.sum())
            firsts.append(mass @ one.z[:, 0])
        slack = (masses[0] - masses[1]).abs()
        claimed = "sums to one" if isinstance(q, Enumerable) else "integrates to one"
        error = float((masses[0] - 1).abs())
        grid = EXACT if isinstance(q, Enumerable) else float(slack) + GRID
        yield within(name, where, claimed, error=error, allowed=grid, measured=f"{masses[0]:.9f}")
        if isinstance(q, ClosedFormMean):
            off = float((q.mean()[0] - firsts[0]).abs().max())
            open_to_the_grid = float((firsts[0] - firsts[1]).abs().max())
            yield within(
                name,
                where,
                "mean is E[z]",
                error=off,
                allowed=open_to_the_grid + (EXACT if isinstance(q, Enumerable) else GRID),
            )
        yield from follows(name, where, q.sample(DRAWS)[:, 0], over, logs)
        if isinstance(q, Reparameterized):
            moved = q.transport(q.noise(DRAWS))[0][:, 0]
            yield from follows(name, where, moved, over, logs, what="transported noises")
