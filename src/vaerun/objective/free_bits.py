"""J(r) = E[log p(x given z)] − max(nats, KL), with earlier steps deciding which of the two it is."""

from torch import Tensor

from vaerun.errors import UserError
from vaerun.nn.running_average import RunningAverage
from vaerun.objective.average import Average
from vaerun.schedule.base import Schedule


class FreeBits(Average):
    """E_q[log p(x given z)] − β max(nats, KL(q ‖ p(z))): the first ``nats`` of the KL cost nothing.

    Where the KL is below ``nats``, the maximum has no gradient. A gate says whether it is: it is open, and β in force,
    while an exponential average over EARLIER steps of the mean KL of a batch is above ``nats``, else β = 0. No sample
    of the present step enters the gate, so given the gate the gradient is an unbiased one of the ELBO, or of the
    likelihood alone. Before the first step the gate is open, and so it is in evaluation mode, where β = 1.

    The paper takes the maximum for each of several groups of latents, of the batch's own KL; here all latents are one
    group, which any estimator of the KL can serve. ``Estimate.value`` leaves the constant out: it is the ELBO where the
    gate is open and the likelihood term, not ``nats`` less, where it is shut.

    Args:
        num_samples: K.
        kl_weight: β.
        nats: free nats per datum, over all latents.
        decay: of the average, in [0, 1).

    Raises:
        UserError: ``nats`` is negative or ``decay`` is outside [0, 1).

    Reference: Kingma et al. 2016, Improving variational inference with inverse autoregressive flow, appendix C.8.
    """

    def __init__(
        self, *, num_samples: int = 1, kl_weight: Schedule | None = None, nats: float = 2.0, decay: float = 0.9
    ) -> None:
        super().__init__(num_samples=num_samples, kl_weight=kl_weight)
        if nats < 0:
            raise UserError(f"objective.nats={nats} is no amount to be free: give 0 or more.")
        self.nats = nats
        self.average_kl = RunningAverage(decay, key="objective.decay")

    @property
    def is_elbo(self) -> bool:
        return False

    def gate(self) -> Tensor:
        """1 where the average KL is above ``nats`` or unknown, else 0, Float[Tensor, ""]."""
        unknown = self.average_kl.weight == 0
        return ((self.average_kl() > self.nats) | unknown).to(self.average_kl.weight.dtype)

    def beta(self) -> Tensor | float:
        return super().beta() * self.gate() if self.training else 1.0

    def watch(self, kl: Tensor) -> None:
        self.average_kl.watch(kl.mean())
