"""∇ E_q[J]: every estimator against the sum over all values of z, or the integral."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from vaerun.errors import UserError
from vaerun.estimator.baseline.base import Baseline
from vaerun.exact.expectation import spaces, truth
from vaerun.verify.claim import THRESHOLD, Claim, by_chance, left_out, raised, seen, z_scores
from vaerun.verify.contract import contract
from vaerun.verify.covering import covering
from vaerun.verify.offer import Choices, Offer, spoken
from vaerun.verify.replicas import BATCHES, replicate
from vaerun.verify.small import Problem, Setting, make_problem

CONCERNS = ("estimator", "estimator/baseline", "estimator/temperature", "posterior", "objective", "model/prior")
SAMPLES = (2, 1, 3)
BETAS = (1.0, 0.3)
STEEP = tuple(Setting(k, 1.0, steep=True) for k in (2, 1))
FINE = 0.005  # relative standard error of the gradient at which sampling stops
MOST = 4 * BATCHES  # maximum number of batches for a problem if the estimator is given


class Case(NamedTuple):
    """One problem for a method."""

    posterior: str
    objective: str
    setting: Setting

    def __str__(self) -> str:
        steep = ", steep" if self.setting.steep else ""
        return f"{self.posterior}, {self.objective}, K={self.setting.k}, β={self.setting.beta:g}{steep}"


class Measured(NamedTuple):
    """z-scores of an estimator on one problem, and their resolution."""

    phi: float
    shared: float
    metrics: float
    resolution: float  # the smallest relative error of the gradient in φ that would be detected


def claims(offer: Offer, *, seed: int, device: torch.device, batches: int | None = None) -> Iterator[Claim]:
    """Claims of every estimator with every baseline, on problems that contain every option that fits.

    If the estimator is given, the problems contain every pair of options, and there are more replicas.

    Args:
        offer: the methods to check.
        seed: of the problems and of the draws.
        device: where they are computed.
        batches: maximum number per problem; None: ``MOST`` if the estimator is given, otherwise ``BATCHES``.
    """
    strength = 2 if {"estimator", "posterior", "objective"} & set(offer.chosen) else 1
    most = batches or (MOST if "estimator" in offer.chosen else BATCHES)
    for method in offer.variants("estimator"):
        yield from certify(offer, method, choose(offer, method, strength), most, seed=seed, device=device)


def choose(offer: Offer, method: Choices, strength: int) -> list[Case]:
    """Problems for one method that contain every legal combination of ``strength`` choices."""
    rows = []
    for posterior in offer.names("posterior"):
        for objective in offer.names("objective"):
            parts = offer.parts({**method, "posterior": posterior, "objective": objective})
            least = max(int(str(p.info.attributes.get("min_samples") or 1)) for p in parts.values()) if parts else 0
            asked = offer.keys.get("objective", {}).get("num_samples")
            samples = [k for k in (SAMPLES if asked is None else (asked,)) if parts and k >= least]
            rows += [(posterior, objective, k, beta) for k in samples for beta in BETAS]
    return [
        # In two dimensions the sum over K-tuples is feasible for K = 1 only; it tests correlations.
        Case(posterior, objective, Setting(k, beta, coordinates=2 if k == 1 else 1))
        for posterior, objective, k, beta in covering(rows, strength)
    ]


def certify(
    offer: Offer, method: Choices, cases: list[Case], batches: int, *, seed: int, device: torch.device
) -> Iterator[Claim]:
    """The claims of one method on all its problems; a bias that was not detected is tested on steep problems, too."""
    name = spoken(method)
    biased: dict[str, float] = {}
    steep = [case._replace(setting=setting) for case in cases[:3] for setting in STEEP]
    for number, case in enumerate([*cases, *steep]):
        if case.setting.steep and (not biased or max(biased.values()) > THRESHOLD):
            break
        parts = offer.parts({**method, "posterior": case.posterior, "objective": case.objective})
        assert parts is not None
        try:
            problem = make_problem(offer, parts, case.setting, seed=seed + number, device=device)
        except UserError as refusal:
            if offer.keys or case.posterior == offer.chosen.get("posterior"):
                raise
            yield left_out(name, str(case), refusal)
            continue
        try:
            found = measure(problem, batches)
            if found is None:
                continue
            yield from contract(problem, name, str(case))
            if found.resolution > 1:
                yield left_out(name, str(case), f"only errors above {found.resolution:.0%} would be found")
                continue
        except Exception as error:
            yield raised(name, str(case), error)
            continue
        if not case.setting.steep:
            yield by_chance(name, str(case), "metrics unbiased", z=found.metrics)
        if not claims_unbiased(problem):
            biased[str(case)] = found.phi
            continue
        yield by_chance(name, str(case), "∇φ unbiased", z=found.phi, measured=f"to {found.resolution:.1%}")
        yield by_chance(name, str(case), "∇θ unbiased", z=found.shared)
    if biased:
        worst = max(biased, key=lambda case: biased[case])
        yield seen(name, worst, "∇φ biased", z=biased[worst], unseen="declared biased, but no bias was found")


def claims_unbiased(problem: Problem) -> bool:
    """The declarations of the estimator and of its nested options."""
    inner = [part for part in problem.estimator.modules() if isinstance(part, Baseline)]
    return problem.estimator.unbiased and all(part.unbiased for part in inner)


def measure(problem: Problem, batches: int) -> Measured | None:
    """Compares averages of the estimator with exact values; None if these cannot be computed."""
    answers = exact(problem)
    if answers is None:
        return None
    (fine, coarse), found = answers, replicate(problem, enough=FINE, batches=batches)
    scores = [
        z_scores(mine.mean, mine.error, true, open_to_the_grid(true, rough), freedom=mine.freedom)
        for mine, true, rough in zip(found, fine, coarse, strict=True)
    ]
    phi, shared, metrics = (float(z.max()) if len(z) else 0.0 for z in scores)
    largest = float(fine[0].abs().max())
    smallest = THRESHOLD * float(found.phi.error.max()) + float(open_to_the_grid(fine[0], coarse[0]))
    resolution = smallest / largest if largest else math.inf
    return Measured(phi, shared, metrics, resolution)


def open_to_the_grid(fine: Tensor, coarse: Tensor) -> Tensor:
    """The error of a sum over a grid, Float[Tensor, ""]; a deviation up to this size is not counted.

    Twice the largest over all coordinates, because two grids may agree by chance in one coordinate.
    """
    return 2 * (fine - coarse).abs().max() if len(fine) else fine.sum()


def exact(problem: Problem) -> tuple[list[Tensor], list[Tensor]] | None:
    """The gradients in φ and in the shared weights, and the metrics, on a fine and on a coarse grid."""
    over = spaces(problem.q(problem.phi), problem.family.latent_dim, problem.objective.num_samples)
    if over is None:
        return None
    answers = []
    for one in over if over[0] is not over[1] else over[:1]:
        leaf = problem.phi.clone().requires_grad_()
        answer = truth(problem.q(leaf), problem.model, problem.objective, problem.x, one, beta=problem.beta)
        leaves = [leaf, *problem.shared]
        gradients = torch.autograd.grad(answer.bound, leaves, allow_unused=True)
        filled = [torch.zeros_like(w) if g is None else g for g, w in zip(gradients, leaves, strict=True)]
        shared = torch.cat([g.flatten() for g in filled[1:]])
        answers.append([filled[0][0], shared, torch.stack(answer).detach()])
    return answers[0], answers[-1]
