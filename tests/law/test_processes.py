"""One step of several processes is one step of one process with the same global batch, for every strategy."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from tests.composition import composed
from tests.problems import options
from tests.several import together
from vaerun.data.base import DataInfo
from vaerun.execution import parallel
from vaerun.experiment.build import KnownData, build_strategy
from vaerun.experiment.make import plain
from vaerun.notation import Batch
from vaerun.posterior.gaussian import DiagonalGaussian

pytestmark = pytest.mark.slow

N, B, STEPS = 60, 12, 50
SMALL = ("model.latent_dim=2", "model.decoder.hidden=[8]", "amortizer.hidden=[8]", "optimizer.learning_rate=0.01")
CASES: dict[str, tuple[str, ...]] = {name: (f"strategy={name}",) for name in options("strategy")} | {
    "aggressive": ("strategy=aggressive", "strategy.max_inner=20"),
    "a moving average": ("estimator=score", "estimator/baseline=moving_average"),
    "two moving averages": ("estimator=score", "estimator/baseline=optimal_constant"),
    "free bits": ("objective=free_bits",),
    **{f"optimizer={name}": (f"optimizer={name}",) for name in options("optimizer")},
    "skipped steps and averages of weights": ("optimizer.skip_norm=0.9", "optimizer.average_decay=0.9"),
    "an encoder beside Φ": ("strategy=joint", "strategy/phi_init=encoder"),
}


class Noise:
    """ε that depends on the step, on the call within it, and on the point: the same however points are divided."""

    def __init__(self) -> None:
        self.step, self.call, self.index = 0, 0, torch.empty(0)

    def begin(self, step: int, index: Tensor) -> None:
        self.step, self.call, self.index = step, 0, index

    def __call__(self, q: DiagonalGaussian, k: int) -> Tensor:
        assert len(q.mu) == len(self.index)
        self.call += 1
        generator = torch.Generator().manual_seed(1000 * self.step + self.call)
        every = torch.randn(k, N, q.mu.shape[1], generator=generator, dtype=torch.float64)
        return every.index_select(1, self.index)


@contextmanager
def injected() -> Iterator[Noise]:
    """Noise for every Gaussian q, in float64."""
    noise, before, dtype = Noise(), DiagonalGaussian.noise, torch.get_default_dtype()
    DiagonalGaussian.noise = lambda q, k: noise(q, k)  # type: ignore[method-assign]
    torch.set_default_dtype(torch.float64)
    try:
        yield noise
    finally:
        DiagonalGaussian.noise = before  # type: ignore[method-assign]
        torch.set_default_dtype(dtype)


def walk(words: tuple[str, ...]) -> Tensor:
    """All shared weights after ``STEPS`` steps: the batch of each is B/2 points of each half of the data."""
    x = (torch.rand(N, 9, generator=torch.Generator().manual_seed(1)) < 0.4).double()
    x[: N // 2, :4] = 1.0  # so that the processes have gradients of their own
    sizes = {"train": N, "valid": 4, "test": 4}
    known = KnownData(DataInfo("x", "none", (9,), "binary", sizes), x.mean(0), float(x.std()))
    with injected() as noise:
        torch.manual_seed(0)
        strategy = build_strategy(plain(composed([*SMALL, *words])[0]), known, torch.device("cpu"))
        order = torch.Generator().manual_seed(2)
        for step in range(STEPS):
            halves = [torch.randperm(N // 2, generator=order)[: B // 2] + half * N // 2 for half in (0, 1)]
            held = halves if parallel.size() == 1 else [halves[parallel.rank()]]
            index = torch.cat(held)
            noise.begin(step, index)
            strategy.step(Batch(index, x[index]))
            strategy.average_weights(step + 1)
        averages = [] if strategy.weight_average is None else strategy.weight_average.averages
        counts = list(strategy.optimizer_metrics().values())
        assert not counts or 0 < int(counts[0]) < STEPS
        return torch.cat([tensor.detach().double().flatten() for tensor in (*strategy.weights, *averages, *counts)])


def walk_all() -> dict[str, Tensor]:
    """The weights of every case, and of one case with a wrong exchange of gradients."""
    found = {name: walk(words) for name, words in CASES.items()}
    right = parallel.average
    for wrong in (no_exchange, flipped):
        parallel.average = wrong
        try:
            found[wrong.__name__] = walk(CASES["amortized"])
        finally:
            parallel.average = right
    return found


def no_exchange(tensors: object) -> None:
    """Every process keeps its own gradients."""


def flipped(tensors: list[Tensor | None]) -> None:
    """The mean of the gradients with the sign of process 1 flipped."""
    held = [tensor if parallel.rank() == 0 else tensor.neg_() for tensor in tensors if tensor is not None]
    averaged(held)


averaged = parallel.average


@pytest.fixture(scope="module")
def by_two() -> dict[str, Tensor]:
    return together(walk_all)


@pytest.mark.parametrize("name", CASES)
def test_two_processes_find_the_weights_of_one(name: str, by_two: dict[str, Tensor]) -> None:
    torch.testing.assert_close(by_two[name], walk(CASES[name]), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("wrong", ["no_exchange", "flipped"])
def test_a_wrong_exchange_finds_others(wrong: str, by_two: dict[str, Tensor]) -> None:
    assert (by_two[wrong] - by_two["amortized"]).abs().max() > 1e-3
