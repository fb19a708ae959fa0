"""Many independent replicas of one estimate: the rows of a batch, all of the same point."""

import time
from typing import NamedTuple

import torch
from torch import Tensor

from vaerun.verify.small import Problem

ROWS = {"cpu": 1024, "cuda": 32768}  # of a batch
BATCHES = 48  # at least: θ's gradient is a mean over a batch, whose error is known from their scatter alone
WARM_UP = 6  # batches, after which what runs along with the steps has a memory


class Sample(NamedTuple):
    """A mean over replicas and its standard error, both of one shape, with the degrees of freedom of the error."""

    mean: Tensor
    error: Tensor
    freedom: int


class Replicas(NamedTuple):
    """What an estimator gave on average."""

    phi: Sample  # its gradient in φ, Float[Tensor, "P"]
    shared: Sample  # in θ and the family's weights, Float[Tensor, "W"]
    figures: Sample  # value, log_likelihood, kl, Float[Tensor, "3"]


class Moments:
    """Running sums of a quantity and of its square, shifted by the first mean so that little cancels."""

    def __init__(self) -> None:
        self.count, self.shift = 0, torch.zeros(())
        self.total, self.square = torch.zeros(()), torch.zeros(())

    def add(self, values: Tensor) -> None:
        """Takes in replicas, Float[Tensor, "R *"]."""
        values = values.detach()
        if not self.count:
            self.shift = values.mean(0)
            self.total, self.square = torch.zeros_like(self.shift), torch.zeros_like(self.shift)
        off = values - self.shift
        self.count += len(values)
        self.total, self.square = self.total + off.sum(0), self.square + off.square().sum(0)

    def sample(self) -> Sample:
        """Their mean with its error."""
        mean = self.total / self.count
        variance = (self.square / self.count - mean.square()).clamp(min=0) / (self.count - 1)
        return Sample(mean + self.shift, variance.sqrt(), self.count - 1)


def replicate(problem: Problem, *, enough: float, seconds: float) -> Replicas:
    """Replicas until the error of φ's gradient is ``enough`` of its largest coordinate, or ``seconds`` are over."""
    rows = ROWS[problem.phi.device.type]
    phi, shared, figures = Moments(), Moments(), Moments()
    start, weights = time.monotonic(), problem.shared
    for batch in range(WARM_UP + 100 * BATCHES):
        leaf = problem.phi.expand(rows, -1).clone().requires_grad_()
        estimate = problem.estimator(problem.q(leaf), problem.model, problem.objective, problem.x.expand(rows, -1))
        if batch < WARM_UP:
            continue
        own, *others = torch.autograd.grad(estimate.surrogate.sum(), [leaf, *weights], allow_unused=True)
        phi.add(torch.zeros_like(leaf) if own is None else own)
        filled = [torch.zeros_like(w) if g is None else g for g, w in zip(others, weights, strict=True)]
        shared.add(torch.cat([g.flatten() for g in filled]).unsqueeze(0) / rows)
        figures.add(torch.stack((estimate.value, estimate.log_likelihood, estimate.kl), dim=1))
        done = batch - WARM_UP + 1
        if done >= BATCHES and done % 16 == 0:
            late = time.monotonic() - start > seconds
            sample = phi.sample()
            if late or bool(sample.error.max() <= enough * sample.mean.abs().max()):
                break
    return Replicas(phi.sample(), shared.sample(), figures.sample())
