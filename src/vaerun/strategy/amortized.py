"""φ = f_λ(x): one gradient step updates θ and λ together."""

from vaerun.notation import Batch, Estimate
from vaerun.strategy.encoded import Encoded


class Amortized(Encoded):
    """max_{θ,λ} Σ_i L(x_i; θ, f_λ(x_i)): an encoder predicts φ, so inference of a new point is one forward pass.

    Args:
        bound: L(x; θ, φ).
        amortizer: f_λ.
        optimizer: makes the optimiser of θ and λ.

    Reference: Kingma, Welling 2014, Auto-encoding variational Bayes, algorithm 1; Rezende et al. 2014.
    """

    def step(self, batch: Batch) -> Estimate:
        return self.joint_step(batch)
