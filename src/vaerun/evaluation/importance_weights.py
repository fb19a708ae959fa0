"""(1/K) Σ_k w_k, (Σ_k w_k)² / Σ_k w_k² and the tail of w = exp r, in one pass over the rewards."""

import math

import torch
from torch import Tensor

from vaerun.evaluation.pareto import REASONABLE, tail_length, tail_shape

PATIENCE = 256  # samples of a point that are added at once
FLAT = 0.01  # relative difference between the largest weight and the tail's smallest, below which there is no tail


class ImportanceWeights:
    """Keeps sums and the largest of the K weights of every point, so that memory does not grow with K.

    Sums are logarithms in float64, so that no weight overflows.

    Args:
        num_samples: K.
        like: whose device the sums are on, its first axis the points, Float[Tensor, "B …"].
    """

    def __init__(self, num_samples: int, like: Tensor) -> None:
        self.num_samples = num_samples
        self.log_sum = torch.full((len(like),), -math.inf, dtype=torch.float64, device=like.device)
        self.log_sum_of_squares = self.log_sum.clone()
        self.sum_of_logs = torch.zeros_like(self.log_sum)
        self.kept = 1 + tail_length(num_samples)  # the tail, and the weight it begins above
        self.largest = self.log_sum.new_empty(0, len(like))
        self.waiting: list[Tensor] = []
        self.count = 0

    def add(self, r: Tensor) -> None:
        """Adds rewards, Float[Tensor, "k B"]."""
        self.waiting.append(r)
        self.count += len(r)
        if self.count >= max(self.kept, PATIENCE):  # one sort for many chunks
            self.settle()

    def settle(self) -> None:
        """Adds the waiting rewards to the sums, and keeps the largest."""
        r = torch.cat((self.largest.new_empty(0, len(self.log_sum)), *(chunk.double() for chunk in self.waiting)))
        self.waiting, self.count = [], 0
        self.log_sum = torch.logaddexp(self.log_sum, r.logsumexp(0))
        self.sum_of_logs += r.sum(0)
        self.log_sum_of_squares = torch.logaddexp(self.log_sum_of_squares, (2 * r).logsumexp(0))
        candidates = torch.cat((self.largest, r))
        self.largest = candidates.topk(min(self.kept, len(candidates)), dim=0).values

    def log_mean(self) -> Tensor:
        """log (1/K) Σ_k w_k, Float[Tensor, "B"]."""
        self.settle()
        return self.log_sum - math.log(self.num_samples)

    def mean_log(self) -> Tensor:
        """(1/K) Σ_k log w_k, Float[Tensor, "B"]."""
        self.settle()
        return self.sum_of_logs / self.num_samples

    def effective_sample_size(self) -> Tensor:
        """(Σ_k w_k)² / Σ_k w_k², from 1 to K, Float[Tensor, "B"]."""
        self.settle()
        return (2 * self.log_sum - self.log_sum_of_squares).exp()

    def pareto_k(self) -> Tensor | None:
        """k̂ of the M largest weights of every point, Float[Tensor, "B"]; None where K is too small for a tail.

        k̂ does not depend on the scale of the differences, so that it would be a random number where all weights are
        equal but for a few thousandths. If the largest ones are within 1 %, k̂ is 0.
        """
        if self.kept - 1 < REASONABLE:
            return None
        self.settle()
        above = (self.largest - self.largest[0]).exp()
        exceedances = torch.where(above[-1] < 1 - FLAT, above[:-1] - above[-1], 0.0)
        return tail_shape(exceedances.T)
