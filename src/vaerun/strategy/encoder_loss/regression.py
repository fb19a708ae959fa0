"""λ minimises ½‖f_λ(x) − φ_T‖²: a regression on the refined φ."""

from torch import Tensor

from vaerun.strategy.encoder_loss.base import EncoderLoss, Refinement


def regression(guess: Tensor, target: Tensor) -> Tensor:
    """−½ Σ_p (guess_p − sg[target_p])², Float[Tensor, "B"], where sg stops the gradient.

    It is a distance between parameters φ and needs neither density nor samples of q, so it works for every family.
    """
    return -0.5 * (guess - target.detach()).square().sum(1)


class Regression(EncoderLoss):
    """min_λ ½‖f_λ(x) − sg[φ_T]‖²: the encoder learns to predict the result of the solver.

    The squared distance is summed over the P coordinates of φ. If the result φ_T does not depend on φ_0, the encoder is
    fitted to the optimum itself; with few steps, the target is only a little closer to the optimum than f_λ(x).

    Args:
        solver: refines φ.

    Reference: Amos 2023, Tutorial on amortized optimization (amortization by regression), with the roles of Krishnan,
    Liang, Hoffman 2018.
    """

    def __call__(self, x: Tensor, guess: Tensor, steps: int) -> Refinement:
        phi, decoder_evaluations = self.refine(x, guess, steps)
        return Refinement(phi, regression(guess, phi), decoder_evaluations)
