"""Var_x(E_q[z_d]): the activity of each latent, the variance of its mean over x."""

from torch import Tensor

from vaerun.posterior.base import ClosedFormMean, Posterior

ACTIVE = 0.01  # the variance over x above which a unit counts as active
DRAWS = 64  # of z for E_q[z], if it has no closed form


def means(q: Posterior) -> tuple[Tensor, Tensor]:
    """Two estimates of E_q[z], Float[Tensor, "B D"]: from independent samples, or both exact."""
    if isinstance(q, ClosedFormMean):
        return q.mean(), q.mean()
    one, other = q.sample(DRAWS).chunk(2)
    return one.mean(0), other.mean(0)


def variance(mean: Tensor, twin: Tensor) -> Tensor:
    """Var_x(E_q[z_d]) as the covariance of two estimates whose noise is independent, Float[Tensor, "D"]."""
    product = (mean - mean.mean(0)) * (twin - twin.mean(0))
    return product.sum(0) / max(1, len(mean) - 1)
