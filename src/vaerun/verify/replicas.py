"""Many independent replicas of one estimate: the rows of a batch are all the same data point."""

from typing import NamedTuple

import torch
from torch import Tensor

from vaerun.verify.small import Problem

ROWS = {"cpu": 2048, "cuda": 32768}  # replicas in a batch
BATCHES = 40  # minimum: the error of the gradient in θ is estimated from the variance between batches
CHECKED = 8  # batches between two comparisons of the error with ``enough``
WARM_UP = 6  # batches that are not counted, so that running averages have values
WARM_ROWS = 256


class MeanWithError(NamedTuple):
    """A mean over replicas and its standard error, both of one shape, with the degrees of freedom of the error."""

    mean: Tensor
    error: Tensor
    freedom: int


class Replicas(NamedTuple):
    """Means of the results of an estimator over replicas."""

    phi: MeanWithError  # its gradient in φ, Float[Tensor, "P"]
    shared: MeanWithError  # in θ and the family's weights, Float[Tensor, "W"]
    metrics: MeanWithError  # value, log_likelihood, kl, Float[Tensor, "3"]


class RunningMean:
    """Running sums of a quantity and of its square, shifted by the first mean to avoid cancellation."""

    def __init__(self) -> None:
        self.count, self.shift = 0, torch.zeros(())
        self.total, self.square = torch.zeros(()), torch.zeros(())

    def add(self, values: Tensor) -> None:
        """Adds replicas, Float[Tensor, "R *"]."""
        values = values.detach()
        if not self.count:
            self.shift = values.mean(0)
            self.total, self.square = torch.zeros_like(self.shift), torch.zeros_like(self.shift)
        off = values - self.shift
        self.count += len(values)
        self.total, self.square = self.total + off.sum(0), self.square + off.square().sum(0)

    def result(self) -> MeanWithError:
        """The mean of all replicas so far, with its standard error."""
        mean = self.total / self.count
        variance = (self.square / self.count - mean.square()).clamp(min=0) / (self.count - 1)
        return MeanWithError(mean + self.shift, variance.sqrt(), self.count - 1)


def replicate(problem: Problem, *, enough: float, batches: int) -> Replicas:
    """Draws replicas until the error of the gradient in φ, relative to its largest coordinate, is ``enough``.

    At most ``batches`` are drawn. The number does not depend on speed, so a seed gives the same z-scores everywhere.
    """
    rows = ROWS[problem.phi.device.type]
    phi, shared, metrics = RunningMean(), RunningMean(), RunningMean()
    weights = problem.shared
    for _ in range(WARM_UP):
        leaf = problem.phi.expand(WARM_ROWS, -1)
        problem.estimator(problem.q(leaf), problem.model, problem.objective, problem.x.expand(WARM_ROWS, -1))
    for batch in range(1, max(batches, BATCHES) + 1):
        leaf = problem.phi.expand(rows, -1).clone().requires_grad_()
        estimate = problem.estimator(problem.q(leaf), problem.model, problem.objective, problem.x.expand(rows, -1))
        own, *others = torch.autograd.grad(estimate.surrogate.sum(), [leaf, *weights], allow_unused=True)
        phi.add(torch.zeros_like(leaf) if own is None else own)
        filled = [torch.zeros_like(w) if g is None else g for g, w in zip(others, weights, strict=True)]
        shared.add(torch.cat([g.flatten() for g in filled]).unsqueeze(0) / rows)
        metrics.add(torch.stack((estimate.value, estimate.log_likelihood, estimate.kl), dim=1))
        if batch >= BATCHES and batch % CHECKED == 0:
            found = phi.result()
            if bool(found.error.max() <= enough * found.mean.abs().max()):
                break
    return Replicas(phi.result(), shared.result(), metrics.result())
