"""What an inference strategy is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from vaerun.bound.bound import Bound
from vaerun.bound.value_and_grad import Gradients, TrainStep, ValueAndGrad
from vaerun.local.optimizer.base import LocalState
from vaerun.notation import NOTHING, Batch, Estimate
from vaerun.optimizer.base import Optimizer, TraceableOptimizer

MakeOptimizer = Callable[[Iterable[nn.Parameter]], Optimizer]


class Inference(NamedTuple):
    """φ of a batch of points, and what finding it took."""

    phi: Tensor  # Float[Tensor, "B P"]
    diagnostics: Mapping[str, Tensor] = NOTHING  # by quantity, each [B]
    state: LocalState | None = None  # the per-point optimiser's, where there is one


class Strategy(nn.Module, ABC):
    """max over θ and (φ_1, …, φ_N or λ) of Σ_i L(x_i; θ, φ_i): where φ comes from, and when what moves.

    Args:
        bound: L(x; θ, φ).
        shared: the module whose parameters all points share (θ, λ, the estimator's own); its call is differentiated.
        optimizer: makes the optimiser of the shared weights.
    """

    per_point: ClassVar[bool]  # whether every data point has a φ of its own, which needs data that stay as they are

    def __init__(self, *, bound: Bound, shared: nn.Module, optimizer: MakeOptimizer) -> None:
        super().__init__()
        self.bound = bound
        self.shared = shared
        self.weights = list(shared.parameters())
        theta = {id(weight) for weight in bound.model.parameters()}
        self.theta = [weight for weight in self.weights if id(weight) in theta]
        self.lam = [weight for weight in self.weights if id(weight) not in theta]
        self.optimizer = optimizer(self.weights)
        self.programs: dict[tuple[Callable[..., Estimate], int, bool], ValueAndGrad | TrainStep] = {}
        self.decoder_evaluations = 0  # of training steps; one evaluation is one z decoded for one x
        self.encoder_evaluations = 0

    @abstractmethod
    def infer(self, x: Tensor, index: Tensor | None = None, split: str = "new") -> Inference:
        """φ of the points x, Float[Tensor, "B X"], at θ as it is. It changes nothing.

        Args:
            x: the points.
            index: their places in ``split``, Int[Tensor, "B"], where a strategy may have stored a φ to start from.
            split: "train", "valid", "test", or "new" for points of no split.
        """

    def infer_and_store(self, x: Tensor, index: Tensor, split: str) -> Inference:
        """As ``infer``; a strategy with a φ_i per point stores what it found, and continues from there next time."""
        return self.infer(x, index, split)

    @abstractmethod
    def step(self, batch: Batch) -> Estimate:
        """Moves θ and φ or λ once, as the strategy prescribes, and returns the estimate that moved θ."""

    def num_parameters(self) -> dict[str, int]:
        """How many numbers are θ, λ (with the estimator's own and the family's shared weights) and Φ."""
        theta, lam = (sum(weight.numel() for weight in group) for group in (self.theta, self.lam))
        return {"theta": theta, "lam": lam, "phi": 0}

    def gradient_norms(self) -> dict[str, Tensor]:
        """Norms of the gradients of the last step of each group of shared weights, each Float[Tensor, ""]."""
        groups = {"theta": self.theta, "lam": self.lam}
        norms = {name: [w.grad.norm() for w in group if w.grad is not None] for name, group in groups.items()}
        return {name: torch.stack(some).norm() for name, some in norms.items() if some}

    def gradient_step(
        self,
        function: Callable[..., Estimate],
        *inputs: Tensor,
        weights: list[nn.Parameter] | None = None,
        in_phi: bool = False,
    ) -> Gradients:
        """One step of the shared weights uphill on the MEAN of an estimate, taken and differentiated as one program.

        Args:
            function: the estimate of ``inputs``; part of ``shared``.
            inputs: x, and what else it takes.
            weights: those that move, where it is not all of them: ``theta`` or ``lam``.
            in_phi: whether the gradient of the SUM in φ, the last input, is wanted besides.
        """
        moved = self.weights if weights is None else weights
        key = (function, id(moved), in_phi)
        if key not in self.programs:
            value_and_grad = ValueAndGrad(self.shared, function, moved, in_phi=in_phi)
            optimizer = self.optimizer if self.bound.engine.takes_optimizer else None
            self.programs[key] = (
                TrainStep(value_and_grad, optimizer) if isinstance(optimizer, TraceableOptimizer) else value_and_grad
            )
        program = self.programs[key]
        for weight in moved:
            weight.grad = None  # the new ones take the place of the old in memory, and in the cache
        if isinstance(program, TrainStep):
            result = self.bound.engine(program, program.optimizer.rate, *inputs)
            for weight, gradient in zip(moved, result.weights, strict=True):
                weight.grad = gradient
        else:
            result = self.bound.engine(program, *inputs)
            self.apply_gradients(moved, result.weights)
        return result

    def backward_step(self, estimate: Estimate) -> None:
        """The same for an estimate that already has its graph."""
        loss = estimate.auxiliary - estimate.surrogate.mean()
        self.apply_gradients(self.weights, torch.autograd.grad(loss, self.weights, allow_unused=True))

    def apply_gradients(self, moved: Sequence[nn.Parameter], gradients: Sequence[Tensor | None]) -> None:
        """One step of the optimiser for some of the weights; the others keep their values and gradients."""
        # An optimiser passes over weights without a gradient, so that one of them serves every subset.
        others = {id(weight) for weight in self.weights} - {id(weight) for weight in moved}
        held = [(weight, weight.grad) for weight in self.weights if id(weight) in others]
        for weight, _ in held:
            weight.grad = None
        for weight, gradient in zip(moved, gradients, strict=True):
            weight.grad = gradient
        self.optimizer.step()
        for weight, earlier in held:
            weight.grad = earlier
