"""λ follows −∇_λ ½‖f_λ(x) − φ_T‖²: a regression on what refinement found."""

from torch import Tensor

from vaerun.strategy.encoder_loss.base import EncoderLoss, Refinement


def regression(guess: Tensor, target: Tensor) -> Tensor:
    """−½ Σ_p (guess_p − sg[target_p])², Float[Tensor, "B"]: rises as the guess nears the target.

    In the coordinates φ that the solver moves: no density and no sampler is asked of q, so it holds for every family.
    """
    return -0.5 * (guess - target.detach()).square().sum(1)


class Regression(EncoderLoss):
    """λ climbs −½‖f_λ(x) − sg[φ_T]‖²: the encoder learns to guess where the solver ends.

    The distance is measured in φ, summed over its P coordinates. Where the solver ends at the same place wherever it
    starts, its only fixed point is the best φ on average; with few steps it moves towards that place a little a visit.

    Args:
        solver: moves φ.

    Reference: Amos 2023, Tutorial on amortized optimization (amortization by regression), with the roles of Krishnan,
    Liang, Hoffman 2018.
    """

    def __call__(self, x: Tensor, guess: Tensor, steps: int) -> Refinement:
        phi, decoder_evaluations = self.refine(x, guess, steps)
        return Refinement(phi, regression(guess, phi), decoder_evaluations)
