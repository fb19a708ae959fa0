"""p_θ(z) and p(x given outputs): sums over their values, of which some can be missing."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from vaerun.errors import UserError
from vaerun.exact.expectation import Space, space, wide_space
from vaerun.model.likelihood.base import Likelihood
from vaerun.model.likelihood.count import CountLikelihood
from vaerun.model.vae import VAE
from vaerun.posterior.base import Enumerable
from vaerun.verify import columns
from vaerun.verify.claim import Claim, left_out, raised, within
from vaerun.verify.offer import Choices, Offer, spoken
from vaerun.verify.small import Problem, Setting, make_problem

CONCERNS = ("model/prior", "model/likelihood", "model/likelihood/rate")
POINTS = (305, 153, 77)  # of each coordinate of z: each grid has every second point of the one before, and 0
NORMALISED = 1e-5
TOTALS = (1.0, 20.0, 300.0)
COUNTS = 100_000  # counts from 0 on; the probability of larger ones is below the allowed error

LogProb = Callable[[Tensor, Tensor], Tensor]
"""x, outputs ↦ log p(x given outputs), Float[Tensor, "K B"]."""


def claims(offer: Offer, *, seed: int, device: torch.device) -> Iterator[Claim]:
    """Claims of every given prior and likelihood; of all of them if none is given."""
    for group, law in (("model/prior", prior), ("model/likelihood", likelihood)):
        if offer.chosen and not any(f"{chosen}/".startswith(f"{group}/") for chosen in offer.chosen):
            continue
        for choices in offer.variants(group):
            name = spoken(choices)
            try:
                problem = posed(offer, choices, seed=seed, device=device)
            except UserError as refusal:
                if offer.chosen:
                    raise
                yield left_out(name, "", refusal)
                continue
            try:
                if problem is not None:
                    yield from law(problem, name)
                if group == "model/likelihood":
                    yield from columns.claims(offer, choices[group], device)
            except Exception as error:
                yield raised(name, "", error)


def posed(offer: Offer, choices: Choices, *, seed: int, device: torch.device) -> Problem | None:
    """A problem with this prior or likelihood, and the first posterior that fits."""
    rest = {"objective": "elbo", "estimator": "score", "estimator/baseline": "none", **choices}
    for posterior in offer.names("posterior"):
        parts = offer.parts({**rest, "posterior": posterior})
        if parts is not None:
            return make_problem(offer, parts, Setting(1, 1.0, coordinates=2), seed=seed, device=device)
    return None


@torch.no_grad()
def prior(problem: Problem, name: str) -> Iterator[Claim]:
    """Σ p(z) = 1."""
    q = problem.q(problem.phi)
    given = problem.model.given(problem.x)

    def mass(over: Space) -> float:
        return float((problem.model.log_prior(over.z, given)[:, 0].exp() * over.volume[:, 0]).sum())

    if isinstance(q, Enumerable):
        total, slack = mass(Space(q.support(), q.support().new_ones(1, 1))), 0.0
    else:
        middle = torch.zeros_like(q.sample(1)[0])
        total, slack = extrapolated([mass(wide_space(middle, torch.ones_like(middle), points)) for points in POINTS])
    where = f"D={problem.family.latent_dim}"
    allowed = NORMALISED + slack
    yield within(name, where, "sums to one", error=abs(total - 1), allowed=allowed, measured=f"{total:.9f}")


def extrapolated(masses: Sequence[float]) -> tuple[float, float]:
    """An integral by Romberg's rule from three trapezoidal sums, the finest first, and the error that is left to it.

    A density with a kink at 0, as Laplace's, has an error of order h² on each grid. The kink is a point of all of them,
    so that the orders h² cancel, and nothing is left. If they do not, the kink is elsewhere, and the error may be
    as large as twice the largest difference of the sums.
    """
    fine, middle, coarse = masses
    total, earlier = (4 * fine - middle) / 3, (4 * middle - coarse) / 3
    if abs(total - earlier) <= NORMALISED:
        return total, 0.0
    return total, 2 * max(abs(fine - middle), abs(middle - coarse))


@torch.no_grad()
def likelihood(problem: Problem, name: str) -> Iterator[Claim]:
    """Σ p(x given z) = 1 if and only if the likelihood is declared a density; a missing value is summed over.

    A likelihood that is given the total of x sums to one at every total, and serves no missing values.
    """
    assert isinstance(problem.model, VAE)
    p = problem.model.likelihood
    outputs = problem.model.decoder(problem.q(problem.phi).sample(1))
    axis, volume = axis_of(p, outputs)
    for where, log_prob in densities(p):
        sums = Sums(log_prob, outputs, axis, volume, p.data_dim)
        error, told = abs(sums.total - 1), f"{sums.total:.9f}"
        if not p.normalized:
            yield within(name, where, "is not a density", error=float(error <= NORMALISED), allowed=0.0, measured=told)
            continue
        yield within(name, where, "sums to one over x", error=error, allowed=NORMALISED, measured=told)
        if not p.covariates:
            off = float(
                (p.observed_log_prob(sums.masked, outputs.expand(1, len(sums.masked), -1))[0] - sums.log_marginals)
                .abs()
                .max()
            )
            told = f"{off:.1e} nats away"
            yield within(name, where, "missing x_j is summed over", error=off, allowed=NORMALISED, measured=told)


def densities(p: Likelihood) -> Iterator[tuple[str, LogProb]]:
    """Where a likelihood is checked, and its log-density there: one that is given the total of x, at fixed totals."""
    if not isinstance(p, CountLikelihood) or p.rate.reference is None:
        yield f"X={p.data_dim}", p.log_prob
        return
    for total in TOTALS:
        given = p.rate.reference.new_tensor(total)
        yield f"X={p.data_dim}, total {total:g}", partial(p.log_prob_at, total=given)


class Sums:
    """Σ p(x), which factorises, and Σ_{x_j} p(x) at one x for each j: one coordinate varies at a time.

    Args:
        log_prob: x, outputs ↦ log p(x given outputs).
        outputs: of the decoder, for one point.
        axis: the values of one coordinate.
        volume: of each of them.
        data_dim: X.
    """

    def __init__(self, log_prob: LogProb, outputs: Tensor, axis: Tensor, volume: Tensor, data_dim: int) -> None:
        middle = int(log_prob(axis.unsqueeze(1).expand(-1, data_dim), outputs.expand(1, len(axis), -1))[0].argmax())
        x = axis[middle].expand(1, data_dim)  # at a point of very small probability, the division would overflow
        base = log_prob(x, outputs)[0, 0]
        marginals = []
        for j in range(data_dim):
            rows = x.expand(len(axis), -1).clone()
            rows[:, j] = axis
            log_p = log_prob(rows, outputs.expand(1, len(axis), -1))[0]
            marginals.append(((log_p - base).exp() * volume).sum().log() + base)
        self.log_marginals = torch.stack(marginals)  # log Σ_{x_j} p(x), Float[Tensor, "X"]
        self.total = float(((self.log_marginals - base).sum() + base).exp())
        self.masked = x.expand(data_dim, -1).clone()  # row j: x without its coordinate j, Float[Tensor, "X X"]
        self.masked.fill_diagonal_(torch.nan)


def axis_of(p: Likelihood, outputs: Tensor) -> tuple[Tensor, Tensor]:
    """The values of one coordinate of x, and the volume of each."""
    like = outputs.new_ones
    if p.levels is not None:
        return torch.linspace(0, 1, p.levels, device=outputs.device), like(p.levels)
    if p.data_support == "binary":
        return torch.tensor([0.0, 1.0], device=outputs.device), like(2)
    if p.data_support == "count":
        return torch.arange(COUNTS, device=outputs.device).to(outputs), like(COUNTS)
    if p.data_support == "unit":
        nodes, weights = (torch.from_numpy(a).to(outputs) for a in np.polynomial.legendre.leggauss(60))
        return nodes / 2 + 0.5, weights / 2
    over = space("real", 1, width=60.0, cell=0.01)
    return over.z[:, 0, 0].to(outputs), over.volume.expand(len(over.z), -1)[:, 0].to(outputs)
