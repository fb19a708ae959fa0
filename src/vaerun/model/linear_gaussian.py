"""z ~ N(0, I), x given z ~ N(Wz + μ, σ² I): the model with all quantities in closed form."""

import torch
from torch import Tensor

from vaerun.model.affine_gaussian import AffineGaussian
from vaerun.nn.normal import LOG_2PI


class LinearGaussian(AffineGaussian):
    """z ~ N(0, I_D), x given z ~ N(Wz + μ, σ² I_X), with C = WWᵀ + σ²I and M = WᵀW + σ²I = σ²Λ.

    Of standardised data (``data.standardise``), W, μ and σ are in standardised units (PCA of the correlation matrix),
    and log p(x) in nats of the data as given.

    With a condition c, μ is the affine function μ + Vc of it.

    Args:
        latent_dim: D.
        data_mean: the initial μ, Float[Tensor, "X"].
        data_std: the initial σ.
        given_names: names of the numbers in c; empty without a condition.
        columns: those of x, if the data declare them.
        missing: whether values of x can be missing (nan). W, μ and C are then those of the observed coordinates of a
            point: the normal distribution has its marginals in closed form.

    Reference: Tipping, Bishop 1999, Probabilistic principal component analysis, eqs. 1-8.
    """

    @staticmethod
    def sigma_shape(data_dim: int) -> tuple[int, ...]:
        return ()


def maximum_log_likelihood(x: Tensor, latent_dim: int) -> float:
    """ℓ_max = −½[d ln 2π + Σ_{i≤D} ln λ_i + (d − D) ln σ² + d] with σ² the mean of the other eigenvalues of S.

    The largest mean log-likelihood that a linear-Gaussian model with D = ``latent_dim`` reaches on x, in nats per
    datum.

    Args:
        x: Float[Tensor, "N X"].
        latent_dim: D < X.

    Reference: Tipping, Bishop 1999, Probabilistic principal component analysis, eqs. 4, 7 and 8.
    """
    centred = (x - x.mean(0)).double()
    eigenvalues = torch.linalg.eigvalsh(centred.T @ centred / len(x)).flip(0)
    rest = eigenvalues[latent_dim:]
    d = x.shape[1]
    log_determinant = eigenvalues[:latent_dim].log().sum() + len(rest) * rest.mean().log()
    return float(-0.5 * (d * LOG_2PI + log_determinant + d))
