"""E_q[J] against log p(x): equal to the ELBO at K = 1, rises with K, is never above, and its rate of convergence."""

import itertools
import math
from collections.abc import Iterator

import torch
from torch import Tensor

from vaerun.exact.expectation import log_evidence, spaces, terms_over, truth
from vaerun.objective.base import Objective
from vaerun.objective.iwae import IWAE
from vaerun.verify.claim import EXACT, Claim, raised, within
from vaerun.verify.offer import Offer
from vaerun.verify.small import Problem, Setting, make_problem

CONCERNS = ("objective",)
POSTERIORS = ("bernoulli", "gaussian")  # one discrete q (a sum) and one continuous q (an integral)
SAMPLES = (1, 2, 3)
MANY = (16, 32, 64)  # values of K for the extrapolation to K → ∞


def claims(offer: Offer, *, seed: int, device: torch.device) -> Iterator[Claim]:
    """Claims of every given objective, with default keys: other values may not give a lower bound (Rényi, α > 1)."""
    if "objective" in offer.keys:
        return
    for name in offer.names("objective"):
        for posterior in POSTERIORS:
            if offer.chosen.get("posterior", posterior) == posterior:
                try:
                    yield from bounds(offer, name, posterior, seed=seed, device=device)
                except Exception as error:
                    yield raised(name, posterior, error)


def bounds(offer: Offer, name: str, posterior: str, *, seed: int, device: torch.device) -> Iterator[Claim]:
    """E_q[J] at K = 1, 2 and 3, as sums over all K-tuples."""
    choices = {"objective": name, "posterior": posterior, "estimator": "score", "estimator/baseline": "none"}
    parts = offer.parts(choices)
    if parts is None:
        return
    values, slack = [], 0.0
    finite = False
    for k in SAMPLES:
        problem = make_problem(offer, parts, Setting(k, 1.0), seed=seed, device=device)
        q = problem.q(problem.phi)
        over = spaces(q, problem.family.latent_dim, k)
        if over is None:
            return
        with torch.no_grad():
            fine, coarse = (truth(q, problem.model, problem.objective, problem.x, one) for one in over)
            log_p = float(log_evidence(problem.model, problem.x, over[0]))
        elbo = float(fine.log_likelihood - fine.kl)
        values.append(float(fine.bound))
        finite = over[0] is over[1]
        slack = max(slack, EXACT, abs(float(fine.bound - coarse.bound)))
    steps = zip(("log p(x)", "E[J], K=3", "E[J], K=2"), itertools.pairwise([log_p, *values[::-1]]), strict=True)
    yield within(name, posterior, "E[J] at K=1 is the ELBO", error=abs(values[0] - elbo), allowed=slack)
    for above, (more, less) in steps:
        told = f"{less:.4f} ≤ {more:.4f}" if less <= more + slack else f"{less:.6f} > {more:.6f}"
        yield within(name, posterior, f"≤ {above}", error=max(less - more, 0.0), allowed=slack, measured=told)
    if isinstance(problem.objective, IWAE) and finite:
        yield convergence(problem, name, posterior, log_p)


@torch.no_grad()
def convergence(problem: Problem, name: str, posterior: str, log_p: float) -> Claim:
    """K (log p(x) − L_K) → ½ (E_q[(p(z given x) / q)²] − 1), extrapolated from K = 16, 32, 64."""
    over = spaces(problem.q(problem.phi), problem.family.latent_dim, 1)
    assert over is not None
    terms = terms_over(problem.q(problem.phi), problem.model, problem.x, over[0])
    r, probability = terms.log_likelihood + terms.log_prior - terms.log_q, terms.log_q.exp()
    limit = 0.5 * float((probability * (2 * (r - log_p)).exp()).sum() - 1)
    a, b, c = (k * (log_p - by_counts(problem.objective, r, probability, k)) for k in MANY)
    extrapolated = (8 * c - 6 * b + a) / 3  # the remaining error is O(1/K³)
    told = f"{extrapolated:.5f} → {limit:.5f}"
    return within(
        name, posterior, "K(log p − E[J]) as K → ∞", error=abs(extrapolated / limit - 1), allowed=0.01, measured=told
    )


def by_counts(J: Objective, r: Tensor, probability: Tensor, k: int) -> float:
    """E[J] of K draws from few values, as a sum over the numbers of times that each value is drawn."""
    bars = torch.tensor(list(itertools.combinations(range(k + len(r) - 1), len(r) - 1)), device=r.device)
    edges = torch.nn.functional.pad(torch.nn.functional.pad(bars, (1, 0), value=-1), (0, 1), value=k + len(r) - 1)
    counts = edges.diff(dim=1) - 1
    values = torch.arange(len(r), device=r.device).expand(len(counts), -1)
    places = values.flatten().repeat_interleave(counts.flatten()).unflatten(0, (-1, k))
    log_weight = math.lgamma(k + 1) - torch.lgamma(counts + 1).sum(1) + (counts * probability.log()).sum(1)
    return float((log_weight.exp() * J(r[places].T)).sum())
