"""E_q[z] and the standard deviation of every z_d under q, in closed form where that is known."""

from torch import Tensor

from vaerun.posterior.base import ClosedFormMean, ClosedFormStd, Posterior

DRAWS = 256  # of z, for a mean or a standard deviation without a closed form


def mean(q: Posterior) -> Tensor:
    """E_q[z], Float[Tensor, "B D"]; without a closed form, the mean of 256 samples."""
    return q.mean() if isinstance(q, ClosedFormMean) else q.sample(DRAWS).mean(0)


def mean_and_std(q: Posterior) -> tuple[Tensor, Tensor]:
    """E_q[z] and sqrt(Var_q[z_d]), each Float[Tensor, "B D"]; without a closed form, those of 256 samples."""
    if isinstance(q, ClosedFormStd):
        return q.mean(), q.std()
    z = q.sample(DRAWS)
    return q.mean() if isinstance(q, ClosedFormMean) else z.mean(0), z.std(0)
