"""Var_x E_q[z_d], KL(q_d ‖ p_d) and I_q(x; z): what of x the latents carry, and which of them carry nothing."""

import logging
import math
from typing import NamedTuple

import torch
from torch import Tensor

from vaerun.data.base import Dataset, SplitName
from vaerun.errors import UserError
from vaerun.evaluation.base import EvaluationResult
from vaerun.evaluation.kl_per_dimension import kl_per_dimension
from vaerun.evaluation.over_points import OverPoints, with_error
from vaerun.execution.memory import rows_at_once
from vaerun.posterior.active_units import ACTIVE, means, variance
from vaerun.posterior.base import Family
from vaerun.strategy.base import Strategy

logger = logging.getLogger("vaerun")

POINTS = 1024  # φ inferred at once
FEW = 0.25  # of the units active, or fewer: collapse


class Seen(NamedTuple):
    """What is kept of every point: B of a batch, N of them all."""

    phi: Tensor  # Float[Tensor, "B P"]
    z: Tensor  # Float[Tensor, "B S D"]
    log_ratio: Tensor  # log q(z given x) − log p(z), Float[Tensor, "B S"]
    log_q: Tensor  # log q(z given x), Float[Tensor, "B S"]
    mean: Tensor  # E_q[z], Float[Tensor, "B D"]
    twin: Tensor  # the same by other draws, Float[Tensor, "B D"]
    kl_per_dimension: Tensor  # Float[Tensor, "B D"]; D = 0 where there is none


class LatentEvaluation(OverPoints):
    """active_units = #{d: Var_x(E_q[z_d]) > 0.01} and I_q(x; z) = E_x KL(q(z given x) ‖ p(z)) − KL(q(z) ‖ p(z)).

    What the latents know about N points, in nats; of the model, only the prior has a part in it. None is a bound on
    log p(x).

    active_units: units whose mean moves with x; of D. Without a closed form, Var_x is the covariance of two means of
        32 draws each, which their noise does not raise.
    kl: E_x KL(q(z given x) ‖ p(z)), from samples, with its standard error over points. Above the mutual information.
    kl_dimension_d: E_x KL(q_d ‖ p_d) of each unit in closed form; they add up to kl. Only for a Gaussian, Laplace or
        Bernoulli q that is a product over d, with the standard prior of its kind: else coordinates have none.
    mutual_information: E log q(z given x) − log q(z) with q(z) = (1/N) Σ_j q(z given x_j), the sum over all N points,
        x's own among them. For the N points this is their mutual information with z; for the x that they are drawn
        from, a lower bound in expectation. Its ceiling log N is given beside it (mutual_information_ceiling): near it,
        more points would give more. Its standard error over points includes that of the points drawn.
    marginal_kl: KL(q(z) ‖ p(z)) = kl − mutual_information, for the N points: what the prior misses. Above it in
        expectation for the x that they are drawn from.

    Few active units are posterior collapse, or more units than the data need; one warning names the remedies.

    Args:
        split: train, valid or test.
        points: N, evenly spread over the split; null for all. The mutual information takes N² · S densities of q.
        num_samples: S, draws of z for each point.

    Raises:
        UserError: no such split, fewer than two points, or no samples.

    Reference: Burda, Grosse, Salakhutdinov 2016, Importance weighted autoencoders, §5.2 (active units); Hoffman,
    Johnson 2016, ELBO surgery (the mutual information and the marginal KL).
    """

    def __init__(self, split: SplitName = "test", points: int | None = 2000, num_samples: int = 4) -> None:
        super().__init__(split, points)
        if points == 1:
            raise UserError("evaluation.points=1 has no variance over points: give 2 or more, or null for all.")
        if num_samples < 1:
            raise UserError(f"evaluation.num_samples={num_samples} draws nothing: give 1 or more.")
        self.num_samples = num_samples

    @torch.no_grad()
    def __call__(self, strategy: Strategy, data: Dataset) -> EvaluationResult:
        bound = strategy.bound
        batches = []
        for batch in self.batches(data, POINTS):
            phi = strategy.infer(batch.x, batch.index, self.split).phi
            batches.append(self.see(strategy, phi))
        seen = Seen(*(torch.cat(parts) for parts in zip(*batches, strict=True)))
        information = seen.log_q - aggregate_log_prob(bound.family, seen.phi, seen.z)
        active = int((variance(seen.mean, seen.twin) > ACTIVE).sum())
        figures = {f"active_units/{self.split}": float(active)}
        figures |= with_error("kl", self.split, seen.log_ratio.mean(1))
        figures |= with_error("mutual_information", self.split, information.mean(1))
        figures[f"mutual_information_ceiling/{self.split}"] = math.log(len(seen.phi))
        figures |= with_error("marginal_kl", self.split, (seen.log_ratio - information).mean(1))
        for d, kl in enumerate(seen.kl_per_dimension.double().mean(0).tolist()):
            figures[f"kl_dimension_{d}/{self.split}"] = kl
        self.warn(active, seen.mean.shape[1])
        return EvaluationResult(figures, {"kl": seen.log_ratio.mean(1), "mutual_information": information.mean(1)})

    def see(self, strategy: Strategy, phi: Tensor) -> Seen:
        """What is kept of the points of φ, Float[Tensor, "B P"]."""
        bound = strategy.bound
        q = bound.family(phi)
        z = q.sample(self.num_samples)
        log_q = q.log_prob(z)
        kl = kl_per_dimension(q, bound.model.prior)
        return Seen(
            phi,
            z.transpose(0, 1),
            (log_q - bound.model.log_prior(z)).T,
            log_q.T,
            *means(q),
            phi.new_empty(len(phi), 0) if kl is None else kl,
        )

    def warn(self, active: int, units: int) -> None:
        """Says when few units are active, and what usually helps."""
        if active <= FEW * units and active < units:
            logger.warning(
                f"Only {active} of {units} latent units are active (Var_x E_q[z] > {ACTIVE:g}), so that either the "
                f"data need no more or the posterior has collapsed onto the prior: warm the KL up "
                f"(objective/kl_weight=linear), leave it some nats (objective=free_bits), train the encoder harder "
                f"(strategy=aggressive), or use fewer units (model.latent_dim)."
            )


def aggregate_log_prob(family: Family, phi: Tensor, z: Tensor) -> Tensor:
    """log q(z) = log (1/N) Σ_j q(z; φ_j) in chunks: Float[Tensor, "N P"], Float[Tensor, "M S D"] ↦ [M, S], float64."""
    rows = z.flatten(0, 1)
    together = rows_at_once(rows)
    width = min(len(phi), max(1, math.isqrt(together)))
    log_sum = torch.full((len(rows),), -math.inf, dtype=torch.float64, device=z.device)
    for some in phi.split(width):
        q = family(some)
        parts = [
            q.log_prob(part.unsqueeze(1).expand(-1, len(some), -1)).double().logsumexp(1)
            for part in rows.split(max(1, together // len(some)))
        ]
        log_sum = torch.logaddexp(log_sum, torch.cat(parts))
    return (log_sum - math.log(len(phi))).unflatten(0, z.shape[:2])
