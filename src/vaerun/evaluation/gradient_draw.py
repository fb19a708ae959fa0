"""∇_θ and ∇_λ of mean_i L(x_i; θ, φ_i), and ∇_φi L(x_i; θ, φ_i): one draw of them at fixed parameters."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vaerun.amortizer.base import Amortizer
from vaerun.bound.bound import Bound
from vaerun.execution.memory import rows_at_once
from vaerun.notation import Estimate
from vaerun.strategy.base import MakeOptimizer, Strategy
from vaerun.strategy.encoded import Encoded


class GradientSetting(NamedTuple):
    """The points and parameters at which every estimator is measured."""

    x: Tensor  # Float[Tensor, "B X"]
    phi: Tensor  # Float[Tensor, "B P"]
    encoder: Amortizer | None  # f_λ, if φ = f_λ(x) without further steps
    weights: Mapping[str, Sequence[nn.Parameter]]  # "theta", and "lam" if φ or q depends on λ

    def estimates(self, bound: Bound) -> Iterator[tuple[Estimate, Tensor]]:
        """Estimates of all points, as many at a time as fit, each with its φ to differentiate in."""
        size = max(1, rows_at_once(self.x) // bound.decodes)
        for x, phi in zip(self.x.split(size), self.phi.split(size), strict=True):
            leaf = phi.clone().requires_grad_() if self.encoder is None else self.encoder(x)
            yield bound(x, leaf), leaf

    @torch.enable_grad()
    def gradients(self, bound: Bound) -> dict[str, Tensor]:
        """One draw by parameter group, float64: Float[Tensor, "1 W"] of the mean bound, Float[Tensor, "B P"] of φ."""
        weights = [weight for group in self.weights.values() for weight in group]
        phi: list[Tensor] = []
        others: list[Tensor] = []
        for estimate, leaf in self.estimates(bound):
            own, *rest = torch.autograd.grad(estimate.surrogate.sum(), [leaf, *weights], materialize_grads=True)
            phi.append(own)
            others = [one + other for one, other in zip(others, rest, strict=True)] if others else rest
        found, remaining = {}, iter(others)
        for name, group in self.weights.items():
            flat = torch.cat([next(remaining).flatten() for _ in group])
            found[name] = flat.double().unsqueeze(0) / len(self.x)
        return {**found, "phi": torch.cat(phi).double()}

    @torch.enable_grad()
    def warm_up(self, bound: Bound, draws: int, optimizer: MakeOptimizer) -> None:
        """Trains the estimator's own weights and running averages, as training would; nothing else changes."""
        weights = list(bound.estimator.parameters())
        learner = optimizer(weights) if weights else None
        if learner is None and not list(bound.estimator.buffers()):
            return
        bound.estimator.train()
        for _ in range(draws):
            for estimate, _ in self.estimates(bound):
                if learner is None:
                    continue
                slopes = torch.autograd.grad(estimate.auxiliary, weights, allow_unused=True)
                for weight, slope in zip(weights, slopes, strict=True):
                    weight.grad = slope
                learner.step()
        bound.estimator.eval()


def gradient_setting(strategy: Strategy, pairs: Iterable[tuple[Tensor, Tensor]]) -> GradientSetting:
    """The points of ``pairs``, their φ as ``strategy`` infers it, and the present weights."""
    x, phi = (torch.cat(parts) for parts in zip(*pairs, strict=True))
    guesses = isinstance(strategy, Encoded) and type(strategy).infer is Encoded.infer
    encoder = strategy.amortizer if isinstance(strategy, Encoded) and guesses else None
    modules: dict[str, list[nn.Module]] = {"theta": [strategy.bound.model], "lam": [strategy.bound.family]}
    if encoder is not None:
        modules["lam"].insert(0, encoder)
    weights = {
        name: [weight for module in some for weight in module.parameters() if weight.requires_grad]
        for name, some in modules.items()
    }
    return GradientSetting(x, phi, encoder, {name: group for name, group in weights.items() if group})


@contextmanager
def as_it_was(module: nn.Module) -> Iterator[None]:
    """Restores weights and buffers at the end, to the bit."""

    def held() -> dict[str, Tensor]:
        return {**dict(module.named_parameters()), **dict(module.named_buffers())}

    before = {name: tensor.detach().clone() for name, tensor in held().items()}
    try:
        yield
    finally:
        with torch.no_grad():
            for name, tensor in held().items():
                tensor.copy_(before[name])
