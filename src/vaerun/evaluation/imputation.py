"""E[x_j given x_o] and Var[x_j given x_o] of missing values j, given the observed part o of a point."""

import logging
import math
from typing import NamedTuple

import torch
from torch import Tensor

from vaerun.bound.bound import Bound, evaluate_in_parts
from vaerun.bound.monte_carlo import ROWS
from vaerun.evaluation.imputed_categories import CategoryShares
from vaerun.strategy.base import Strategy

logger = logging.getLogger("vaerun")

POINTS = 512  # φ inferred at once
FEW = 10.0  # with fewer effective samples, a warning is given


class Imputation(NamedTuple):
    """Points with their missing values filled in, and how sure these are.

    A category, which has no mean, is filled in with its likeliest code l, and the standard deviation is that of the
    indicator of l: √(p (1 − p)) with p = P(x_j = l given x_o).
    """

    x: Tensor  # E[x_j given x_o] where x_j is missing, and x_j where it is observed, Float[Tensor, "N X"]
    standard_deviation: Tensor  # of p(x_j given x_o), 0 where x_j is observed, Float[Tensor, "N X"]
    effective_samples: Tensor  # (Σ_k w_k)² / Σ_k w_k², from 1 to K, Float[Tensor, "N"]
    log_score: Tensor | None = None  # log p(x_j given x_o) at the true value in nats, Float[Tensor, "N X"]


@torch.no_grad()
def impute(strategy: Strategy, x: Tensor, *, num_samples: int, truth: Tensor | None = None) -> Imputation:
    """E[x_j given x_o] ≈ Σ_k w̃_k E[x_j given z_k] with w̃ = softmax(r), r_k = log p(x_o, z_k) − log q(z_k; φ), z_k ~ q.

    This is self-normalised importance sampling: its bias is O(1/K), and it is exact in the limit for any q whose tails
    cover p(z given x_o). The standard deviation is that of p(x_j given x_o): by the law of total variance, the mean of
    Var[x_j given z_k] plus the variance of E[x_j given z_k], both with the weights w̃. For x in {0, 1}, the mean is the
    probability of 1. A mean of the codes of categories would depend on their order: a categorical x_j gets the code l
    with the largest P = Σ_k w̃_k P(x_j = l given z_k), and the standard deviation is that of the event x_j = l,
    √(P (1 − P)). A warning is given if few samples dominate.

    Args:
        strategy: finds φ from the observed part, as for any new point.
        x: points, nan where a value is missing, Float[Tensor, "N X+C"]: the C numbers that the model conditions on
            follow the values.
        num_samples: K.
        truth: the values of these points, none of them missing, Float[Tensor, "N X"], to compute ``log_score``; None
            if they are not known.

    Reference: Mattei, Frellsen 2019, MIWAE: deep generative modelling and imputation of incomplete data sets.
    """
    parts, model = [], strategy.bound.model
    for index in torch.arange(len(x), device=x.device).split(POINTS):
        phi = strategy.infer(x[index]).phi
        for some, own in zip(
            index.split(max(1, ROWS // num_samples)), phi.split(max(1, ROWS // num_samples)), strict=True
        ):
            parts.append(_of_points(strategy.bound, x[some], own, num_samples, None if truth is None else truth[some]))
    mean, deviation, effective, score = (torch.cat(column) for column in zip(*parts, strict=True))
    values = model.values(x)
    missing = values.isnan()
    warn(effective[missing.any(1)], num_samples)
    return Imputation(
        torch.where(missing, mean, values),
        torch.where(missing, deviation, 0.0),
        effective,
        None if truth is None else score,
    )


def without_noise(found: Imputation, missing: Tensor, widths: Tensor) -> Imputation:
    """E[y_j given x_o] and Var[y_j given x_o] of y = x − w u, where the model has x: −w/2 and −w²/12.

    u ~ U[0, 1) is the noise that was added to y on a grid of width w: independent of y, with mean 1/2, variance 1/12.

    Args:
        found: of x.
        missing: whether a value is missing, Bool[Tensor, "N X"].
        widths: w, 0 where no noise was added, Float[Tensor, "X"].
    """
    variance = (found.standard_deviation.square() - widths.square() / 12).clamp(min=0)
    return found._replace(
        x=torch.where(missing, found.x - widths / 2, found.x),
        standard_deviation=torch.where(missing & (widths > 0), variance.sqrt(), found.standard_deviation),
    )


def _of_points(bound: Bound, x: Tensor, phi: Tensor, num_samples: int, truth: Tensor | None) -> tuple[Tensor, ...]:
    """Mean, standard deviation, effective samples and log score. Chunks of samples bound the memory.

    The moments of two sets of samples with weights a and b are put together as in Chan, Golub, LeVeque 1983.
    """
    q, model = bound.family(phi), bound.model
    given = model.given(x)
    mean = torch.zeros_like(model.values(x))
    variance, score = torch.zeros_like(mean), torch.full_like(mean, -math.inf)
    log_sum = torch.full((len(x),), -math.inf, device=x.device)
    log_squares = log_sum.clone()
    size = max(1, ROWS // len(x))
    codes = model.categories if bool(model.values(x)[:, list(model.categories)].isnan().any()) else {}
    categories = CategoryShares(codes, mean)
    for k in (min(size, num_samples - done) for done in range(0, num_samples, size)):
        z = q.sample(k)
        terms = evaluate_in_parts(model, x, z, q.log_prob(z))
        r = terms.log_likelihood + terms.log_prior - terms.log_q
        here = r.logsumexp(0)
        weight = (r - here).exp().unsqueeze(-1)
        each, within = model.moments(z, given)
        center = (weight * each).sum(0)
        spread = (weight * (within + (each - center).square())).sum(0)
        both = torch.logaddexp(log_sum, here)
        share = (here - both).exp().unsqueeze(-1)
        variance = (1 - share) * variance + share * spread + share * (1 - share) * (center - mean).square()
        mean = mean + share * (center - mean)
        log_sum, log_squares = both, torch.logaddexp(log_squares, (2 * r).logsumexp(0))
        categories.add(model, given, z, r)
        if truth is not None:
            score = torch.logaddexp(score, (r.unsqueeze(-1) + model.terms(model.row(truth, given), z)).logsumexp(0))
    deviation = variance.sqrt()
    categories.put_into(mean, deviation)
    return mean, deviation, (2 * log_sum - log_squares).exp(), score - log_sum.unsqueeze(-1)


def warn(effective: Tensor, num_samples: int) -> None:
    """Warns if the imputations of some points depend on few samples."""
    few = int((effective < min(FEW, num_samples / 2)).sum())
    if few:
        logger.warning(
            f"For {few:,} of {len(effective):,} points with missing values, fewer than {FEW:g} of {num_samples:,} "
            f"samples are effective, so their imputations are noisy and their standard deviations too small: use "
            f"{10 * num_samples:,} samples or more."
        )
