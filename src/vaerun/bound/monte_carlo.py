"""mean_k r_k and logsumexp_k r_k − log K of every point, at samples of q: the reported bounds."""

import math

import torch
from torch import Tensor

from vaerun.bound.bound import Bound
from vaerun.metric.metric import Chart, Metric

LOWER = "lower bound on mean log p(x)"
BOUNDS = Chart(
    "Bounds",
    "ELBO and tighter bounds, {split}",
    r"(pseudo_)?(elbo|elbo_optimal\w*|iwae_\w+|ais|log_marginal)(?<!_se)",
)
TERMS = "Terms of the ELBO"
ELBO = Metric("elbo", LOWER, "nat", "higher", "lower", "ELBO", BOUNDS, order=0)
LOG_LIKELIHOOD = Metric(
    "log_likelihood",
    "not a bound: E_q[log p(x given z)], a term of the ELBO",
    "nat",
    title="log-likelihood",
    chart=Chart(TERMS, "E_q[log p(x given z)]"),
)
KL = Metric(
    "kl", "not a bound: KL(q ‖ p(z)), a term of the ELBO", "nat", title="KL", chart=Chart(TERMS, "KL(q ‖ p(z))")
)


def iwae(num_samples: int) -> Metric:
    """L_K at K = ``num_samples``, the importance-weighted bound."""
    return Metric(
        f"iwae_{num_samples}",
        f"{LOWER}, K = {num_samples}",
        "nat",
        "higher",
        "lower",
        f"L_{num_samples}",
        BOUNDS,
        order=10,
    )


ROWS = 8192  # decoder rows per evaluation: bounded memory, large matrix products


def bounds(bound: Bound, x: Tensor, phi: Tensor, num_samples: int) -> dict[Metric, Tensor]:
    """ELBO, its two terms and the importance-weighted bound of every point, each Float[Tensor, "B"].

    The samples are drawn in chunks, so memory does not grow with K.
    """
    log_likelihood = torch.zeros(len(x), device=x.device)
    kl = torch.zeros(len(x), device=x.device)
    log_sum = torch.full((len(x),), -math.inf, device=x.device)
    done = 0
    while done < num_samples:
        k = min(max(1, ROWS // len(x)), num_samples - done)
        terms = bound.terms(x, phi, k)
        r = terms.log_likelihood + terms.log_prior - terms.log_q
        log_likelihood += terms.log_likelihood.sum(0) / num_samples
        kl += (terms.log_q - terms.log_prior).sum(0) / num_samples
        log_sum = torch.logaddexp(log_sum, r.logsumexp(0))
        done += k
    found = {bound.metric(ELBO): log_likelihood - kl, LOG_LIKELIHOOD: log_likelihood, KL: kl}
    if num_samples > 1:
        found[bound.metric(iwae(num_samples))] = log_sum - math.log(num_samples)
    return found


def log_weights(bound: Bound, x: Tensor, phi: Tensor, num_samples: int) -> Tensor:
    """r = log p_θ(x, z) − log q(z; φ) at K samples of q, Float[Tensor, "K B"], drawn in chunks."""
    size = max(1, ROWS // len(x))
    parts = [min(size, num_samples - done) for done in range(0, num_samples, size)]
    return torch.cat([bound.rewards(x, phi, k) for k in parts])
