"""mean_i L(x_i; θ, φ_i) at hard samples, true q and KL weight 1: the ELBO and its importance-weighted tightening."""

import math

import torch
from torch import Tensor

from vaerun.bound import Bound
from vaerun.data.base import Dataset, SplitName
from vaerun.errors import UserError
from vaerun.evaluation.base import Findings
from vaerun.evaluation.over_points import OverPoints, with_error
from vaerun.strategy.base import Strategy

ROWS = 8192  # decoder rows held at once: memory stays bounded, matrix products stay large
POINTS = 512  # φ inferred at once


class BoundEvaluation(OverPoints):
    """elbo = mean_i mean_k r_ik and iwae_K = mean_i [logsumexp_k r_ik − log K], r = log p_θ(x, z) − log q(z; φ), z ~ q.

    Both are lower bounds on mean_i log p_θ(x_i) in expectation, whatever was trained, in nats per datum. Each comes
    with its standard error over the points, s/√N. Under a likelihood that is no density the names carry ``pseudo_``.

    Args:
        split: train, valid or test.
        num_samples: K; at K = 1 there is no iwae figure, since it would repeat the ELBO.
        points: how many points of the split, evenly spread over it; null for all.

    Raises:
        UserError: no such split, or K < 1, or no points.

    Reference: Burda, Grosse, Salakhutdinov 2016, Importance weighted autoencoders, eq. 8 and theorem 1.
    """

    def __init__(self, split: SplitName = "test", num_samples: int = 100, points: int | None = None) -> None:
        super().__init__(split, points)
        if num_samples < 1:
            raise UserError(f"evaluation.num_samples={num_samples}, but a bound needs a sample: give 1 or more.")
        self.num_samples = num_samples

    @torch.no_grad()
    def __call__(self, strategy: Strategy, data: Dataset) -> Findings:
        found: dict[str, list[Tensor]] = {}
        for batch in self.batches(data, max(1, min(POINTS, ROWS // min(self.num_samples, 64)))):
            inference = strategy.infer(batch.x, batch.index, self.split)
            figures = bounds(strategy.bound, batch.x, inference.phi, self.num_samples)
            for name, values in {**figures, **inference.diagnostics}.items():
                found.setdefault(name, []).append(values)
        prefix = "" if strategy.bound.model.is_density else "pseudo_"
        tags: dict[str, float] = {}
        points: dict[str, Tensor] = {}
        for name, batches in found.items():
            is_bound = name.startswith(("elbo", "iwae"))
            tag = f"{prefix}{name}" if is_bound else name
            points[tag] = torch.cat(batches)
            averaged = with_error(tag, self.split, points[tag])
            tags |= averaged if is_bound else {f"{tag}/{self.split}": averaged[f"{tag}/{self.split}"]}
        return Findings(tags, points)


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
    figures = {"elbo": log_likelihood - kl, "log_likelihood": log_likelihood, "kl": kl}
    if num_samples > 1:
        figures[f"iwae_{num_samples}"] = log_sum - math.log(num_samples)
    return figures
