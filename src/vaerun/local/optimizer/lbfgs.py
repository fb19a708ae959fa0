"""Limited-memory BFGS for each row of Φ, with a history per row."""

from typing import NamedTuple

import torch
from torch import Tensor

from vaerun.config.ranges import above, at_least
from vaerun.local.optimizer.base import LocalOptimizer
from vaerun.local.optimizer.sgd import clipped


class RowLBFGSState(NamedTuple):
    """The last step of R rows and their last H pairs (s, y), newest last; an empty place holds zeros."""

    moved: Tensor  # Float[Tensor, "R P"]: the last step, as it was taken
    gradient: Tensor  # Float[Tensor, "R P"]: the gradient before that step
    s: Tensor  # Float[Tensor, "R H P"]: steps
    y: Tensor  # Float[Tensor, "R H P"]: the decrease of the gradient along each step


class LocalLBFGS(LocalOptimizer):
    """Δφ = α B⁻¹ g with ‖Δφ‖ ≤ c, where B⁻¹ comes from the last H pairs s = Δφ, y = −Δg by the two-loop recursion.

    B approximates −∇²_φ L, so α = 1 gives quasi-Newton steps without a line search. Use it for gradients with little
    noise, such as exact sums or many samples; with noise the steps become too short, and Adam is the better choice. A
    pair with s·y < 0.2 s·Bs is damped: y is replaced by the nearest mixture of y and Bs that satisfies the condition.
    The first pair of a row is used only if s·y > 0. When θ changes between two visits, the change is part of the next
    y. The state of a row holds 2H + 2 vectors of the length of φ.

    Args:
        learning_rate: α.
        history: H.
        max_step: c, the Euclidean length of the longest step in φ.

    Raises:
        UserError: α ≤ 0, c ≤ 0 or H < 1.

    Reference: Nocedal, Wright 2006, Numerical optimization, algorithm 7.4 (two loops) and procedure 18.2 (damping).
    """

    def __init__(self, *, learning_rate: float = 1.0, history: int = 5, max_step: float = 1.0) -> None:
        above("local.optimizer.learning_rate", learning_rate, 0)
        at_least("local.optimizer.history", history, 1)
        above("local.optimizer.max_step", max_step, 0)
        self.learning_rate, self.history, self.max_step = learning_rate, history, max_step

    def init(self, phi: Tensor) -> RowLBFGSState:
        nothing = phi.new_zeros(len(phi), self.history, phi.shape[1])
        return RowLBFGSState(torch.zeros_like(phi), torch.zeros_like(phi), nothing, nothing.clone())

    def update(self, gradient: Tensor, state: RowLBFGSState, scale: Tensor) -> tuple[Tensor, RowLBFGSState]:
        s, y = remember(state, gradient)
        step = clipped(self.learning_rate * direction(gradient, s, y), self.max_step)
        return step, RowLBFGSState(step, gradient, s, y)

    def shortened(self, state: RowLBFGSState, factor: Tensor) -> RowLBFGSState:
        return state._replace(moved=factor * state.moved)


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Float[Tensor, "R P"], twice ↦ Float[Tensor, "R 1"]."""
    return (a * b).sum(1, keepdim=True)


def ratio(a: Tensor, b: Tensor) -> Tensor:
    """a / b, and 0 where b is 0."""
    return torch.where(b == 0, 0.0, a / torch.where(b == 0, 1.0, b))


def remember(state: RowLBFGSState, gradient: Tensor) -> tuple[Tensor, Tensor]:
    """The pairs after adding the newest one, damped where necessary; unchanged where s·y ≤ 0."""
    s, y = state.moved, state.gradient - gradient
    newest_s, newest_y = state.s[:, -1], state.y[:, -1]
    curvature = ratio(dot(newest_y, newest_y), dot(newest_s, newest_y))  # B = curvature · I; 0 without a pair
    sy, sBs = dot(s, y), curvature * dot(s, s)
    mixture = torch.where(sy < 0.2 * sBs, ratio(0.8 * sBs, sBs - sy), 1.0)
    y = mixture * y + (1 - mixture) * curvature * s
    useful = (dot(s, y) > 0).unsqueeze(1)
    return (
        torch.where(useful, torch.cat((state.s[:, 1:], s.unsqueeze(1)), 1), state.s),
        torch.where(useful, torch.cat((state.y[:, 1:], y.unsqueeze(1)), 1), state.y),
    )


def direction(gradient: Tensor, s: Tensor, y: Tensor) -> Tensor:
    """B⁻¹ g by two loops over the pairs, with B₀⁻¹ = s·y / y·y of the newest pair; g itself without a pair."""
    pairs = list(zip(s.unbind(1), y.unbind(1), strict=True))
    shares = []
    q = gradient
    for step, change in reversed(pairs):
        share = ratio(dot(step, q), dot(step, change))
        shares.append(share)
        q = q - share * change
    newest_s, newest_y = pairs[-1]
    scale = ratio(dot(newest_s, newest_y), dot(newest_y, newest_y))
    q = torch.where(scale > 0, scale, 1.0) * q
    for (step, change), share in zip(pairs, reversed(shares), strict=True):
        q = q + (share - ratio(dot(change, q), dot(step, change))) * step
    return q
