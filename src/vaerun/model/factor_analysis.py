"""z ~ N(0, I), x given z ~ N(Wz + μ, diag(σ_1², …, σ_X²)): factor analysis."""

from typing import final

from vaerun.model.affine_gaussian import AffineGaussian


@final
class FactorAnalysis(AffineGaussian):
    """z ~ N(0, I_D), x given z ~ N(Wz + μ, Ψ), Ψ = diag(σ_1², …, σ_X²), with log p(x) = log N(x; μ, WWᵀ + Ψ).

    Unlike probabilistic PCA, each coordinate has a noise of its own, so the maximum of the likelihood does not depend
    on the units of the coordinates. Standardise them (``data.standardise``) where their units differ: the maximum is
    the same, and it is found sooner. A σ_j at its lower limit (e⁻⁷ times the spread) says that coordinate j is a factor
    itself (a Heywood case).

    Args:
        latent_dim: D.
        data_mean: the initial μ, Float[Tensor, "X"].
        data_std: the initial value of every σ_j.
        given_names: names of the numbers in c; empty without a condition.
        columns: those of x, if the data declare them.
        missing: whether values of x can be missing (nan); every quantity is then that of the observed coordinates.

    Reference: Rubin, Thayer 1982, EM algorithms for ML factor analysis; Bartholomew, Knott, Moustaki 2011, Latent
    variable models and factor analysis, §3.
    """

    @staticmethod
    def sigma_shape(data_dim: int) -> tuple[int, ...]:
        return (data_dim,)
