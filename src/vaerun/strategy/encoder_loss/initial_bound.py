"""λ follows ∇_λ L(x; θ, f_λ(x)): the bound at its own guess."""

from torch import Tensor

from vaerun.strategy.encoder_loss.base import EncoderLoss, Refinement


class InitialBound(EncoderLoss):
    """λ climbs L(x; θ, φ_0) at its own guess φ_0 = f_λ(x), while θ climbs L(x; θ, φ_T) at the refined φ.

    The encoder is that of an amortized strategy, under a θ that never saw its guesses. ∇_φ L(x; θ, φ_0) costs one more
    estimate of the bound; θ has no part in it.

    Args:
        solver: moves φ.

    Reference: Krishnan, Liang, Hoffman 2018, On the challenges of learning with inference networks on sparse,
    high-dimensional data, algorithm 1.
    """

    def __call__(self, x: Tensor, guess: Tensor, steps: int) -> Refinement:
        gradient = self.solver.gradient(x, guess)
        phi, decoder_evaluations = self.refine(x, guess, steps)
        # Its derivative in λ is ∇_φ L(φ_0) times ∂φ_0/∂λ: the chain rule, without a second pass.
        encoder_term = (gradient * guess).sum(1)
        return Refinement(phi, encoder_term, decoder_evaluations + len(x) * self.solver.bound.decodes)
