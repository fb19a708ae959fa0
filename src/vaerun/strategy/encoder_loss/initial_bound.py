"""λ maximises L(x; θ, f_λ(x)), the bound at the output of the encoder."""

from torch import Tensor

from vaerun.strategy.encoder_loss.base import EncoderLoss, Refinement


class InitialBound(EncoderLoss):
    """max_λ L(x; θ, φ_0) at φ_0 = f_λ(x), and max_θ L(x; θ, φ_T) at the refined φ_T.

    The encoder is trained as in the amortized strategy, but θ is fitted to φ_T. ∇_φ L(x; θ, φ_0) needs one more
    estimate of the bound, which has no gradient in θ.

    Args:
        solver: refines φ.

    Reference: Krishnan, Liang, Hoffman 2018, On the challenges of learning with inference networks on sparse,
    high-dimensional data, algorithm 1.
    """

    def __call__(self, x: Tensor, guess: Tensor, steps: int) -> Refinement:
        gradient = self.solver.gradient(x, guess)
        phi, decoder_evaluations = self.refine(x, guess, steps)
        # Its gradient in λ is ∇_φ L(φ_0) ∂φ_0/∂λ, by the chain rule.
        encoder_term = (gradient * guess).sum(1)
        return Refinement(phi, encoder_term, decoder_evaluations + len(x) * self.solver.bound.decodes)
