"""∇_φ E_q[f(z)] = E_u[(f(1[u > σ(−φ)]) − f(1[u < σ(φ)])) (u − ½)]."""

from torch import Tensor

from vaerun.estimator.antithetic import Antithetic


class ARM(Antithetic):
    """∇_φ E_q[f(z)] = E_u[(f(z) − f(z̃)) (u − ½)], z = 1[u > σ(−φ)], z̃ = 1[u < σ(φ)]: augment, REINFORCE, merge.

    f is the credit of a sample given the other samples, so ARM is valid for every J. Both samples use the same u.

    Reference: Yin, Zhou 2019, ARM: augment-REINFORCE-merge gradient for stochastic binary networks, theorem 1.
    """

    def weight(self, noise: Tensor, logits: Tensor) -> Tensor:
        return 2 * noise.sigmoid() - 1
