"""p_θ(z) and p(x given outputs): sums over their values, of which some can be missing, and samples."""

import math
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor

from vaerun.errors import UserError
from vaerun.exact.expectation import Space
from vaerun.model.likelihood.base import Likelihood
from vaerun.model.likelihood.count import CountLikelihood
from vaerun.model.vae import VAE
from vaerun.posterior.base import Enumerable
from vaerun.verify import columns
from vaerun.verify.claim import Claim, by_chance, left_out, raised, within, z_scores
from vaerun.verify.follow import DRAWS, GRID, distributed, follows
from vaerun.verify.integral import NORMALISED, integrated, mass, mode
from vaerun.verify.offer import Choices, Offer, spoken
from vaerun.verify.small import Problem, Setting, make_problem

CONCERNS = ("model/prior", "model/likelihood", "model/likelihood/rate")
TOTALS = (1.0, 20.0, 300.0)
NEAR, FAR = 60.0, 1e12  # ends of the fine cells of real x, and of all of them
TAIL = 1e6  # where the moments of x are complete
CELL, RATIO = 0.01, 0.002  # widths of a cell: near 0, and relative to x
CELLS = 20_000  # of an axis to which samples are compared
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
    """Σ p(z) = 1, and samples follow p(z)."""
    q = problem.q(problem.phi)
    given = problem.model.given(problem.x)
    where = f"D={problem.family.latent_dim}"

    def density(over: Space) -> Tensor:
        return problem.model.log_prior(over.z, given)[:, 0]

    if isinstance(q, Enumerable):
        every = Space(q.support(), q.support().new_ones(1, 1))
        over, logs, slack = [every, every], [density(every)] * 2, 0.0
        total = mass(logs[0], every)
    else:
        over, logs, total, slack = integrated(density, torch.zeros_like(q.sample(1)[0]))
        if slack:  # there is a kink that is not 0: most densities with one have it where they are largest
            there = integrated(density, mode(density, over[0].z[logs[0].argmax()]))
            over, logs, total, slack = there if there[3] < slack else (over, logs, total, slack)
    allowed = NORMALISED + slack
    yield within(name, where, "sums to one", error=abs(total - 1), allowed=allowed, measured=f"{total:.9f}")
    drawn = problem.model.sample_prior(DRAWS, None if given is None else given.expand(DRAWS, -1))
    yield from follows(name, where, drawn, (over[0], over[1]), (logs[0], logs[1]))


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
    yield from agree(p, outputs, name)
    if p.normalized:
        yield from moments(p, outputs, name)


def agree(p: Likelihood, outputs: Tensor, name: str) -> Iterator[Claim]:
    """``log_prob`` is the sum of ``terms``, and ``output_gradient`` its derivative, whatever way computes them."""
    x, where = p.sample(outputs)[0], f"X={p.data_dim}"
    log_p, terms = p.log_prob(x, outputs), p.terms(x, outputs).sum(-1)
    yield within(name, where, "log_prob is the sum of its terms", error=float((log_p - terms).abs().max()))
    off = float((p.output_gradient(x, outputs) - Likelihood.output_gradient(p, x, outputs)).abs().max())
    yield within(name, where, "output_gradient is its derivative", error=off)


def moments(p: Likelihood, outputs: Tensor, name: str) -> Iterator[Claim]:
    """``sample``, ``mean`` and ``variance`` are those of the density."""
    where = f"X={p.data_dim}"
    axis, volume = samples_axis(p, outputs)
    terms = p.terms
    if isinstance(p, CountLikelihood) and p.rate.reference is not None:
        terms = partial(p.terms_at, total=p.rate.reference)
    mass = terms(axis.unsqueeze(1).expand(-1, p.data_dim), outputs.expand(1, len(axis), -1))[0].exp() * volume
    mean = axis @ mass
    squares = (axis.unsqueeze(1) - mean).square() * mass
    variance = squares.sum(0)
    rows = outputs.expand(1, DRAWS // p.data_dim, -1)
    yield distributed(name, where, p.sample(rows)[0], axis, mass)
    if bool((squares[axis.abs() > TAIL].sum(0) > GRID * variance).any()):
        yield left_out(name, where, "x has no finite variance, so its mean and variance are not compared.")
        return
    off = float(((p.mean(outputs)[0, 0] - mean).abs() / variance.sqrt().clamp(min=1e-12)).max())
    yield within(name, where, "mean is E[x]", error=off, allowed=GRID, measured=f"{off:.1e} standard deviations off")
    told = p.variance(rows)[0]  # it may be an estimate
    if bool(told.std(0).any()) and bool((squares.square() / mass.clamp(min=1e-300))[axis.abs() > TAIL].sum() > GRID):
        yield left_out(name, where, "x has no finite fourth moment, so estimates of its variance are not compared.")
        return
    error = told.std(0) / math.sqrt(len(told))
    scores = z_scores(told.mean(0), error, variance, GRID * variance, freedom=len(told) - 1)
    yield by_chance(name, where, "variance is Var[x]", z=float(scores.max()))


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


def samples_axis(p: Likelihood, outputs: Tensor) -> tuple[Tensor, Tensor]:
    """Values of one coordinate of x [S] and the volume of each [S, 1], as cells side by side, whose edges are known."""
    if p.data_support == "unit" and p.levels is None:
        middles = (torch.arange(CELLS, device=outputs.device).to(outputs) + 0.5) / CELLS
        return middles, outputs.new_full((CELLS, 1), 1 / CELLS)
    axis, volume = axis_of(p, outputs)
    if p.data_support == "count":  # larger counts have no probability that could be seen
        axis, volume = axis[:CELLS], volume[:CELLS]
    return axis, volume.unsqueeze(1)


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
    inner = torch.arange(-NEAR, NEAR + CELL / 2, CELL, dtype=torch.float64)
    steps = torch.arange(1, round(math.log(FAR / NEAR) / RATIO), dtype=torch.float64)
    outer = NEAR * steps.mul(RATIO).exp()  # cells that grow with x, because a density like a power of x has long tails
    x = torch.cat((-outer.flip(0), inner, outer))
    return x.to(outputs), (torch.cat((x[1:], x[-1:])) - torch.cat((x[:1], x[:-1]))).div(2).to(outputs)
