"""Many steps of λ before each step of θ, as long as the mutual information I_q(x; z) increases."""

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from vaerun.amortizer.base import Amortizer
from vaerun.bound.bound import Bound
from vaerun.config.ranges import at_least
from vaerun.execution import parallel
from vaerun.metric.metric import Chart, Metric
from vaerun.notation import Batch, Estimate
from vaerun.posterior.base import Posterior
from vaerun.strategy.base import MakeOptimizer
from vaerun.strategy.encoded import Encoded
from vaerun.strategy.metrics import INFERENCE, INNER_STEPS

INFORMATION = Metric(
    "information",
    "not a bound: mutual information of x and z under q within a batch, estimated",
    "nat",
    chart=Chart(INFERENCE, "mutual information, which ends aggressive training"),
)


class Aggressive(Encoded):
    """λ maximises L until the bound stops improving, then θ takes one step; later, both take one joint step per batch.

    The steps of λ stop when the mean bound over ``window`` steps is not above that of the previous window. They use
    the batch of the θ-step with fresh samples, so that the encoder is accurate on the points that θ is fitted to.
    I_q(x; z) is estimated on each batch before the steps of λ and averaged over the epoch. The first epoch whose
    average is below the best one so far ends the aggressive phase; it does not start again.

    Args:
        bound: L(x; θ, φ).
        amortizer: f_λ.
        optimizer: makes the optimiser of θ and λ.
        num_points: N of each split, by name.
        window: λ-steps between two checks of the bound.
        max_inner: the largest number of λ-steps before a θ-step.

    Raises:
        UserError: ``window`` or ``max_inner`` is below 1.

    Reference: He et al. 2019, Lagging inference networks and posterior collapse in variational autoencoders,
    algorithm 1 (there λ's steps are on other batches than θ's, and I_q is estimated on the validation points).
    """

    aggressive: Tensor  # Bool[Tensor, ""]
    steps_in_epoch: Tensor  # Int[Tensor, ""]
    information: Tensor  # Float[Tensor, ""]: Σ over the steps of this epoch
    best_information: Tensor  # Float[Tensor, ""]

    metrics: ClassVar[tuple[Metric, ...]] = (INNER_STEPS, INFORMATION)

    def __init__(
        self,
        *,
        bound: Bound,
        amortizer: Amortizer,
        optimizer: MakeOptimizer,
        num_points: Mapping[str, int],
        window: int = 10,
        max_inner: int = 100,
    ) -> None:
        super().__init__(bound=bound, amortizer=amortizer, optimizer=optimizer)
        at_least("strategy.window", window, 1)
        at_least("strategy.max_inner", max_inner, 1)
        self.num_points, self.window, self.max_inner = num_points["train"], window, max_inner
        self.register_buffer("aggressive", torch.tensor(True))
        self.register_buffer("steps_in_epoch", torch.tensor(0))
        self.register_buffer("information", torch.tensor(0.0))
        self.register_buffer("best_information", torch.tensor(0.0))
        self.known = (-1, -1), (True, 0)  # the versions of the first two buffers, and their values on the host

    def step(self, batch: Batch) -> Estimate:
        aggressive, done = self.phase()
        if not aggressive:
            return self.joint_step(batch)
        information = self.record_information(batch)
        inner = self.lam_steps(batch)
        estimate = self.theta_step(batch, self.encode(batch))
        ended = done + 1 >= self.num_points // (parallel.size() * len(batch.x))
        phase = self.close_epoch() if ended else (True, done + 1)
        self.known = self.versions(), phase
        metrics = {"information": information, "inner_steps": information.new_tensor(float(inner))}
        return estimate._replace(diagnostics={**estimate.diagnostics, **metrics})

    def versions(self) -> tuple[int, int]:
        """How often the phase and the count of steps have been written."""
        return self.aggressive._version, self.steps_in_epoch._version

    def phase(self) -> tuple[bool, int]:
        """Whether the phase is aggressive, and the steps of this epoch.

        It waits for the device only after something else has written them, such as a checkpoint.
        """
        if self.known[0] != self.versions():
            self.known = self.versions(), (bool(self.aggressive), int(self.steps_in_epoch))
        return self.known[1]

    def lam_steps(self, batch: Batch) -> int:
        """Takes steps of λ until a window of them does not improve the bound; returns their number."""
        before = -torch.inf
        for start in range(0, self.max_inner, self.window):
            count = min(self.window, self.max_inner - start)
            result = torch.stack([self.lam_step(batch).value.mean() for _ in range(count)]).mean()
            parallel.average([result])  # the number of steps must be the same on all processes
            mean = float(result)
            if mean <= before:
                break
            before = mean
        return start + count

    @torch.no_grad()
    def record_information(self, batch: Batch) -> Tensor:
        """Adds the I_q of the batch to the sum of the epoch."""
        information = mutual_information(self.bound.family(self.encode(batch)), self.bound.objective.num_samples)
        parallel.average([information])
        self.information += information
        self.steps_in_epoch += 1
        return information

    def close_epoch(self) -> tuple[bool, int]:
        """Decides by the mean I_q of the epoch whether the next epoch is aggressive; returns the new ``phase``."""
        mean = self.information / self.steps_in_epoch
        self.aggressive.copy_(mean >= self.best_information)
        self.best_information.copy_(torch.maximum(mean, self.best_information))
        self.information.zero_()
        self.steps_in_epoch.zero_()
        return bool(self.aggressive), 0


def mutual_information(q: Posterior, k: int) -> Tensor:
    """I_q(x; z) = E[log q(z; φ_i) − log (1/B) Σ_j q(z; φ_j)], i over the B points, z ~ q(·; φ_i), at most log B.

    The k samples of every point are evaluated under the q of every point, which needs no decoder evaluation.

    Reference: Hoffman, Johnson 2016, ELBO surgery.
    """
    z = q.sample(k)
    _, b, d = z.shape
    log_q = q.log_prob(z.reshape(k * b, 1, d).expand(-1, b, -1)).reshape(k, b, b)  # [·, i, j]: draws of i under j
    aggregate = log_q.logsumexp(2) - math.log(b)
    return (log_q.diagonal(dim1=1, dim2=2) - aggregate).mean()
