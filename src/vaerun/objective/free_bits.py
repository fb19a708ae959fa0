"""J(r) = E[log p(x given z)] − max(nats, KL), where the average KL of earlier steps decides the maximum."""

from typing import ClassVar

from torch import Tensor

from vaerun.config.ranges import at_least, below
from vaerun.nn.running_average import RunningAverage
from vaerun.objective.average import Average
from vaerun.schedule.base import Schedule


class FreeBits(Average):
    """E_q[log p(x given z)] − β max(nats, KL(q ‖ p(z))): the first ``nats`` of the KL cost nothing.

    Below ``nats``, the maximum has no gradient in the KL. A gate decides which case holds: it is open, with weight β,
    while an exponential average of the batch's mean KL over EARLIER steps is above ``nats``; otherwise β = 0. The gate
    does not depend on samples of the present step, so given the gate, the gradient is an unbiased estimate of that of
    the ELBO or of the likelihood term. The gate is open before the first step and in evaluation mode, where β = 1.

    The paper takes the maximum per group of latents, of the KL of the batch itself. Here all latents are one group, so
    that any estimator of the KL can be used. ``Estimate.value`` omits the constant: it is the ELBO if the gate is open,
    and otherwise the likelihood term without subtracting ``nats``.

    Args:
        num_samples: K.
        kl_weight: β.
        nats: free nats per datum, over all latents.
        decay: of the exponential average, in [0, 1).

    Raises:
        UserError: ``nats`` < 0 or ``decay`` is outside [0, 1).

    Reference: Kingma et al. 2016, Improving variational inference with inverse autoregressive flow, appendix C.8.
    """

    records_kl: ClassVar[bool] = True

    def __init__(
        self, *, num_samples: int = 1, kl_weight: Schedule | None = None, nats: float = 2.0, decay: float = 0.9
    ) -> None:
        super().__init__(num_samples=num_samples, kl_weight=kl_weight)
        at_least("objective.nats", nats, 0)
        below("objective.decay", decay, 0, 1)
        self.nats = nats
        self.average_kl = RunningAverage(decay)

    @property
    def is_elbo(self) -> bool:
        return False

    def gate(self) -> Tensor:
        """1 where the average KL is above ``nats`` or unknown, else 0, Float[Tensor, ""]."""
        unknown = self.average_kl.weight == 0
        return ((self.average_kl() > self.nats) | unknown).to(self.average_kl.weight.dtype)

    def beta(self) -> Tensor | float:
        return super().beta() * self.gate() if self.training else 1.0

    def record_kl(self, kl: Tensor) -> None:
        self.average_kl.update(kl.mean())
