"""CPU time of a negative-binomial log-likelihood and its gradient, as a ratio to torch.distributions.

    python scripts/counts_benchmark.py

Seconds of this thread are measured, so other programs on the machine matter little.
"""

import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from vaerun.execution.memory import keep_freed_memory
from vaerun.model.likelihood.negative_binomial import NegativeBinomial
from vaerun.model.likelihood.rate.total_share import TotalShare

REPEATS = 20


def torchs(likelihood: NegativeBinomial, x: Tensor, outputs: Tensor) -> Tensor:
    """The same log-density by torch.distributions, Float[Tensor, "K B"]."""
    log_rate = likelihood.rate.log_rate(outputs, likelihood.rate.total(x))
    log_size = likelihood.log_size()
    q = torch.distributions.NegativeBinomial(log_size.exp(), logits=log_rate - log_size, validate_args=False)
    return q.log_prob(x).sum(-1)


def by_mean(likelihood: NegativeBinomial, x: Tensor, outputs: Tensor) -> Tensor:
    """The formula of scvi-tools in mean and inverse dispersion, Float[Tensor, "K B"]."""
    mu, size, eps = x.sum(-1, keepdim=True) * outputs.softmax(-1), likelihood.log_size().exp(), 1e-8
    log_sum = (size + mu + eps).log()
    powers = size * ((size + eps).log() - log_sum) + x * ((mu + eps).log() - log_sum)
    return (powers + (x + size).lgamma() - size.lgamma() - (x + 1).lgamma()).sum(-1)


def seconds(log_prob: Callable[[], Tensor], leaves: list[Tensor]) -> float:
    """The least time of a value and its gradient."""
    times = []
    for _ in range(REPEATS):
        start = time.thread_time()
        torch.autograd.grad(log_prob().sum(), leaves)
        times.append(time.thread_time() - start)
    return min(times)


def main() -> None:
    """Prints a line for each number of samples K."""
    torch.set_num_threads(1)
    keep_freed_memory()
    points, genes = 128, 2000
    x = torch.poisson(torch._standard_gamma(torch.full((points, genes), 0.3)))
    likelihood = NegativeBinomial(data_dim=genes, data_std=1.0, rate=TotalShare(data_mean=x.mean(0)))
    print(f"{points} points of {genes} counts, {float((x == 0).float().mean()):.0%} of them 0, one thread")
    for k in (1, 10):
        outputs = torch.randn(k, points, genes, requires_grad=True)
        leaves = [outputs, likelihood.raw_log_size]
        ways = (NegativeBinomial.log_prob, torchs, by_mean)
        ours, theirs, scvis = (seconds(partial(way, likelihood, x, outputs), leaves) for way in ways)
        print(
            f"K={k}: {1e3 * ours:.1f} ms; torch.distributions {1e3 * theirs:.1f} ms, ratio {ours / theirs:.2f}; "
            f"formula of scvi-tools {1e3 * scvis:.1f} ms, ratio {ours / scvis:.2f}"
        )


if __name__ == "__main__":
    main()
