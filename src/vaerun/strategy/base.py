"""max over θ and φ or λ of Σ_i L(x_i; θ, φ_i): the interface of inference strategies."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from vaerun.bound.bound import Bound
from vaerun.bound.value_and_grad import Gradients, TrainStep, ValueAndGrad
from vaerun.execution import parallel
from vaerun.local.optimizer.base import LocalState
from vaerun.metric.metric import Declares, Metric, by_name
from vaerun.nn.running_average import RunningAverage
from vaerun.nn.weight_average import WeightAverage
from vaerun.notation import NOTHING, Batch, Estimate
from vaerun.optimizer.base import GuardedOptimizer, Optimizer, TraceableOptimizer
from vaerun.schedule.base import Schedule
from vaerun.schedule.constant import Constant

MakeOptimizer = Callable[[Iterable[nn.Parameter]], Optimizer]


class Inference(NamedTuple):
    """φ of a batch of points, and diagnostics of the inference."""

    phi: Tensor  # Float[Tensor, "B P"]
    diagnostics: Mapping[str, Tensor] = NOTHING  # by quantity, each [B]
    state: LocalState | None = None  # of the per-point optimiser, if the strategy has one


class Strategy(Declares, nn.Module, ABC):
    """max over θ and (φ_1, …, φ_N or λ) of Σ_i L(x_i; θ, φ_i).

    A strategy decides how φ_i is found, and in which order θ, φ and λ are updated.

    Args:
        bound: L(x; θ, φ).
        shared: the module with the parameters that all points share (θ, λ, the estimator's); it is differentiated.
        optimizer: makes the optimiser of the shared weights.
    """

    per_point: ClassVar[bool]  # whether a φ_i is stored for every data point, which needs data that do not change
    ascends_at_visits: ClassVar[bool] = False  # whether every visit is to find the best φ_i at the present θ

    def __init__(self, *, bound: Bound, shared: nn.Module, optimizer: MakeOptimizer) -> None:
        super().__init__()
        self.bound = bound
        self.shared = shared
        self.weights = list(shared.parameters())
        theta = {id(weight) for weight in bound.model.parameters()}
        self.theta = [weight for weight in self.weights if id(weight) in theta]
        self.lam = [weight for weight in self.weights if id(weight) not in theta]
        self.optimizer = optimizer(self.weights)
        self.learning_rates = [group["lr"] for group in self.optimizer.param_groups]
        self.learning_rate_factor: Schedule | None = None
        self.weight_average: WeightAverage | None = None
        if isinstance(self.optimizer, GuardedOptimizer):
            if not isinstance(self.optimizer.schedule, Constant):
                self.learning_rate_factor = self.optimizer.schedule
            if self.optimizer.average_decay is not None:
                self.weight_average = WeightAverage(self.weights, self.optimizer.average_decay)
        averages = [part for part in shared.modules() if isinstance(part, RunningAverage)]
        self.averages = [state for part in averages for state in (part.total, part.weight)]
        self.programs: dict[tuple[Callable[..., Estimate], int, bool], ValueAndGrad | TrainStep] = {}
        self.decoder_evaluations = 0  # of training steps; one evaluation decodes one z for one x
        self.encoder_evaluations = 0

    @abstractmethod
    def infer(self, x: Tensor, index: Tensor | None = None, split: str = "new") -> Inference:
        """φ of the points x at the present θ: Float[Tensor, "B X"] ↦ Inference over B. It changes no state.

        Args:
            x: the points.
            index: their indices in ``split``, Int[Tensor, "B"]; a strategy may start from a φ that is stored there.
            split: "train", "valid", "test", or "new" for points of no split.
        """

    def infer_and_store(self, x: Tensor, index: Tensor, split: str) -> Inference:
        """As ``infer``; a per-point strategy also stores φ, and its next inference of the point starts there."""
        return self.infer(x, index, split)

    def current(self, x: Tensor, index: Tensor) -> Tensor:
        """φ of validation points, Float[Tensor, "B P"]: stored by a validation since the last step, or as inferred.

        Args:
            x: the points, Float[Tensor, "B X"].
            index: their places in the validation split, Int[Tensor, "B"].
        """
        return self.infer(x).phi

    def declared(self) -> dict[str, Metric]:
        """The metrics that the strategy and its parts (estimator, φ's start, …) declare, by quantity."""
        parts = (metric for part in self.modules() if isinstance(part, Declares) for metric in part.metrics)
        return by_name([*parts, *self.optimizer_metrics()])

    def optimizer_metrics(self) -> dict[Metric, Tensor]:
        """What a record says about the optimiser, each a tensor of one number."""
        return self.optimizer.metrics() if isinstance(self.optimizer, GuardedOptimizer) else {}

    def follow_schedule(self) -> None:
        """Sets the step size to the learning rate times the present value of its schedule, if it has one."""
        if self.learning_rate_factor is not None:
            for group, rate in zip(self.optimizer.param_groups, self.learning_rates, strict=True):
                group["lr"] = rate * self.learning_rate_factor.now

    def average_weights(self, step: int) -> None:
        """Adds the weights after training step ``step``, from 1, to their averages, if the optimiser keeps them."""
        if self.weight_average is not None:
            self.weight_average.update(step)

    def evaluated_weights(self) -> AbstractContextManager[None]:
        """Inside, the weights are those that evaluations use: the averages, if the optimiser keeps them."""
        return nullcontext() if self.weight_average is None else self.weight_average.applied()

    def keep_evaluated_weights(self) -> None:
        """Sets the weights to those that evaluations use, for good: no training follows."""
        if self.weight_average is not None:
            self.weight_average.copy_to_weights()

    def gradients_per_step(self) -> int:
        """The largest number of gradients of L that a training step computes one after another."""
        return 1

    @abstractmethod
    def step(self, batch: Batch) -> Estimate:
        """Updates θ and φ or λ on one batch, and returns the estimate that was used to update θ."""

    def num_parameters(self) -> dict[str, int]:
        """The number of parameters in θ, in λ (with the weights of estimator and family) and in Φ."""
        theta, lam = (sum(weight.numel() for weight in group) for group in (self.theta, self.lam))
        return {"theta": theta, "lam": lam, "phi": 0}

    def gradient_norms(self) -> dict[str, Tensor]:
        """The norm of the last gradient of each group of shared weights, each Float[Tensor, ""]."""
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
        """One ascent step of the shared weights on the MEAN of an estimate over the batch, as one program.

        Args:
            function: inputs ↦ Estimate; part of ``shared``.
            inputs: x and the other arguments of ``function``.
            weights: the weights to update, ``theta`` or ``lam``; all by default.
            in_phi: whether to return also the gradient of the SUM with respect to φ, the last input.
        """
        moved = self.weights if weights is None else weights
        key = (function, id(moved), in_phi)
        if key not in self.programs:
            value_and_grad = ValueAndGrad(self.shared, function, moved, in_phi=in_phi)
            # Between gradient and step come the means over the processes, if there are several.
            fused = self.bound.engine.takes_optimizer and parallel.size() == 1
            optimizer = self.optimizer if fused else None
            self.programs[key] = (
                TrainStep(value_and_grad, optimizer) if isinstance(optimizer, TraceableOptimizer) else value_and_grad
            )
        program = self.programs[key]
        for weight in moved:
            weight.grad = None  # so that the new gradients reuse the memory of the old ones
        if isinstance(program, TrainStep):
            result = self.bound.engine(program, program.optimizer.rate, *inputs)
            for weight, gradient in zip(moved, result.weights, strict=True):
                weight.grad = gradient
        else:
            result = self.bound.engine(program, *inputs)
            self.apply_gradients(moved, result.weights)
        return result

    def backward_step(self, estimate: Estimate) -> None:
        """One ascent step of all shared weights by a backward pass through the graph of an estimate."""
        loss = estimate.auxiliary - estimate.surrogate.mean()
        self.apply_gradients(self.weights, torch.autograd.grad(loss, self.weights, allow_unused=True))

    def apply_gradients(self, moved: Sequence[nn.Parameter], gradients: Sequence[Tensor | None]) -> None:
        """One optimiser step for some of the weights; the others keep their values and gradients.

        If a run has several processes, gradients and running averages are replaced by their means over the processes.
        """
        parallel.average([*gradients, *self.averages])
        # An optimiser skips weights without a gradient, so one optimiser can update any subset.
        others = {id(weight) for weight in self.weights} - {id(weight) for weight in moved}
        held = [(weight, weight.grad) for weight in self.weights if id(weight) in others]
        for weight, _ in held:
            weight.grad = None
        for weight, gradient in zip(moved, gradients, strict=True):
            weight.grad = gradient
        self.optimizer.step()
        for weight, earlier in held:
            weight.grad = earlier
