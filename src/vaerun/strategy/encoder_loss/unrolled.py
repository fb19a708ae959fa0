"""θ and λ maximise L(x; θ, φ_T(f_λ(x), θ)), differentiated through the T steps."""

from torch import Tensor

from vaerun.errors import UserError
from vaerun.local.solver import LocalSolver
from vaerun.strategy.encoder_loss.base import EncoderLoss, Refinement


class Unrolled(EncoderLoss):
    """max_{θ,λ} L(x; θ, φ_T), differentiated through the steps φ_{t+1} = φ_t + step(∇_φ L(x; θ, φ_t)).

    The refined φ_T is a function of f_λ(x) and of θ, and the gradient of the bound at φ_T is propagated through all T
    steps. It contains second derivatives of the bound: a step costs about three plain steps, and memory grows with T.
    Every point takes all T steps.

    Args:
        solver: refines φ.

    Raises:
        UserError: the estimator's gradient cannot be differentiated again.

    Reference: Kim et al. 2018, Semi-amortized variational autoencoders, algorithm 1 (with finite differences of
    gradients, and clipped gradients).
    """

    def __init__(self, *, solver: LocalSolver) -> None:
        super().__init__(solver=solver)
        estimator = solver.bound.estimator
        if not estimator.twice_differentiable:
            raise UserError(
                f"strategy/encoder_loss=unrolled needs an estimator that can be differentiated twice, got "
                f"{type(estimator).__name__}: use estimator=reparam, or strategy/encoder_loss=initial_bound."
            )

    def __call__(self, x: Tensor, guess: Tensor, steps: int) -> Refinement:
        phi = self.solver.unroll(x, guess, steps)
        return Refinement(phi, guess.new_zeros(len(x)), steps * len(x) * self.solver.bound.decodes)
