"""log w = Σ_t (β_t − β_{t−1}) log p(x given z_{t−1}): one pass from the prior to the posterior, or back."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from vaerun.evaluation.transition import ChainState, Transition

FIRST_SIZE = 0.5  # of a step, in units of a standard normal prior
RATE = 0.2  # learning rate of the log step sizes


class Annealed(NamedTuple):
    """The result of one pass."""

    log_weight: Tensor  # log w of every chain, Float[Tensor, "C B"], float64
    acceptance: Tensor  # the mean over its moves, Float[Tensor, "C B"]


def sigmoidal(temperatures: int, sharpness: float) -> list[float]:
    """β_0 = 0 < β_1 < … < β_T = 1: a logistic curve from −δ to δ, scaled to [0, 1]; the straight line at δ = 0.

    Reference: Grosse, Ghahramani, Adams 2015, Sandwiching the marginal likelihood using bidirectional Monte Carlo, §6.
    """
    line = torch.linspace(-1, 1, temperatures + 1, dtype=torch.float64)
    curve = torch.tanh(0.5 * sharpness * line) if sharpness else line
    return (0.5 + 0.5 * curve / curve[-1]).tolist()


def forward(transition: Transition, x: Tensor, z: Tensor, betas: list[float], sizes: Tensor) -> Annealed:
    """From z ~ p(z), Float[Tensor, "C B D"], to β = 1: E[w] = p(x) for any step sizes, Float[Tensor, "T-1 B"].

    The move at β = 1 is left out, because it would change no weight.
    """

    def following(state: ChainState, t: int) -> tuple[ChainState, Tensor]:
        return transition.executed(x, state, betas[t], sizes[t - 1])

    return _pass(transition.state(x, z), range(1, len(betas)), betas, following)


def backward(transition: Transition, x: Tensor, z: Tensor, betas: list[float], sizes: Tensor) -> Annealed:
    """From z ~ p(z given x), Float[Tensor, "C B D"], to β = 0, the moves of ``forward`` in reverse: E[1/w] = 1/p(x)."""

    def following(state: ChainState, t: int) -> tuple[ChainState, Tensor]:
        return transition.executed(x, state, betas[t - 1], sizes[t - 2])

    return _pass(transition.state(x, z), range(len(betas) - 1, 0, -1), betas, following)


def _pass(
    state: ChainState,
    order: range,
    betas: list[float],
    following: Callable[[ChainState, int], tuple[ChainState, Tensor]],
) -> Annealed:
    """Collects (β_t − β_{t−1}) log p(x given z) for t in ``order``, moving between two of them."""
    log_weight = torch.zeros_like(state.log_prior, dtype=torch.float64)
    acceptance = torch.zeros_like(state.log_prior)
    for t in order:
        log_weight += (betas[t] - betas[t - 1]) * state.log_likelihood.double()
        if t != order[-1]:
            state, probability = following(state, t)
            acceptance += probability / max(1, len(order) - 1)
    return Annealed(log_weight, acceptance)


def step_sizes(transition: Transition, x: Tensor, z: Tensor, betas: list[float]) -> Tensor:
    """A step size for each β_1, …, β_{T−1} and point, Float[Tensor, "T-1 B"], from a separate pass.

    log size is increased by the acceptance rate of the point's chains minus the transition's target. The chains that
    use the sizes later must be other ones: sizes adapted to their own chains would bias the weights.

    Reference: Andrieu, Thoms 2008, A tutorial on adaptive MCMC, §4 (log step size driven by the acceptance rate).
    """
    size = torch.full((len(x),), FIRST_SIZE, dtype=z.dtype, device=z.device)
    target = transition.target_acceptance
    if target is None:
        return size.expand(len(betas) - 2, -1)
    state = transition.state(x, z)
    sizes = size.new_empty(len(betas) - 2, len(x))
    for t, beta in enumerate(betas[1:-1]):
        sizes[t] = size
        state, probability = transition.executed(x, state, beta, size)
        size = size * (RATE * (probability.mean(0) - target)).exp()
    return sizes
