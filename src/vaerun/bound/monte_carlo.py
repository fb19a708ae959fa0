"""mean_k r_k and logsumexp_k r_k − log K of every point, at samples of q: the reported bounds."""

import math

import torch
from torch import Tensor

from vaerun.bound.bound import Bound

ROWS = 8192  # decoder rows per evaluation: bounded memory, large matrix products


def bounds(bound: Bound, x: Tensor, phi: Tensor, num_samples: int) -> dict[str, Tensor]:
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
    values = {"elbo": log_likelihood - kl, "log_likelihood": log_likelihood, "kl": kl}
    if num_samples > 1:
        values[f"iwae_{num_samples}"] = log_sum - math.log(num_samples)
    return values


def log_weights(bound: Bound, x: Tensor, phi: Tensor, num_samples: int) -> Tensor:
    """r = log p_θ(x, z) − log q(z; φ) at K samples of q, Float[Tensor, "K B"], drawn in chunks."""
    size = max(1, ROWS // len(x))
    parts = [min(size, num_samples - done) for done in range(0, num_samples, size)]
    return torch.cat([bound.rewards(x, phi, k) for k in parts])
