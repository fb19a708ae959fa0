"""Why a training diverged: its last steps are repeated from the last checkpoint, and each step is checked."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from vaerun.data.base import Dataset
from vaerun.data.loader import Loader
from vaerun.data.split import Split
from vaerun.notation import Batch, Estimate
from vaerun.strategy.base import Strategy
from vaerun.trainer.checkpoint import first_non_finite, tensors
from vaerun.trainer.resume_point import SavedStates
from vaerun.trainer.training import Training
from vaerun.trainer.validation import Validation

SHOWN = 5  # indices in a sentence
FAR = 1e3  # a value of x that is so many times the typical one is named
SPACED = 10_000  # rows of a mapped file that are looked at


def cause(
    strategy: Strategy, data: Dataset, *, validation: Validation, batch_size: int, seed: int, directory: Path, end: int
) -> str | None:
    """The first step with a value that is not finite, the quantity, and the points or rows of Φ, in words.

    The steps since ``last.pt`` are repeated with the same random numbers; the state of the strategy changes.

    Args:
        strategy: of the training that diverged.
        data: its three splits.
        validation: how its validation points are evaluated.
        batch_size: of its training steps.
        seed: of its training.
        directory: of its checkpoints.
        end: the step at which the divergence was noticed.

    Returns:
        The words, or None if every repeated step is finite: a GPU may not repeat its results.
    """
    loader = Loader(data.train, batch_size=batch_size, seed=seed)
    training = Training(strategy, data, validation=validation, seed=seed, steps_per_epoch=loader.steps_per_epoch)
    training.resume(SavedStates(directory, data.train.x.device).newest())
    while training.progress.step < end:
        for batch in loader.epoch(*divmod(training.progress.step, loader.steps_per_epoch)):
            training.anneal()
            before = largest(strategy)
            estimate = strategy.step(batch)
            training.progress.step += 1
            found = fault(strategy, batch, estimate)
            if found is not None:
                return f"at step {training.progress.step}, {found}; {far(data, batch) or before}"
            if training.progress.step >= end:
                break
    return validation_points(training)


def fault(strategy: Strategy, batch: Batch, estimate: Estimate) -> str | None:
    """What is not finite after a step: terms of the bound, gradients, or tensors of the strategy."""
    terms = {"log p(x given z)": estimate.log_likelihood, "KL": estimate.kl, "the bound": estimate.value}
    for name, values in terms.items():
        bad = ~torch.isfinite(values)
        if bool(bad.any()):
            return f"{name} is {worst(values[bad])} at {places('training point', batch.index[bad].tolist(), len(bad))}"
    lowest = int(estimate.value.argmin())
    at = f"; the lowest bound of its batch is {float(estimate.value[lowest]):.3g}, at training point"
    for name, weight in strategy.named_parameters():
        if weight.grad is not None and not bool(torch.isfinite(weight.grad).all()):
            return f"the gradient of {name} is {worst(weight.grad)}{at} {int(batch.index[lowest])}"
    held = tensors(strategy)
    broken = first_non_finite(held)
    if broken is None:
        return None
    rows = (~torch.isfinite(held[broken].flatten(1) if held[broken].ndim > 1 else held[broken][:, None])).any(1)
    if ".phi_" in broken or broken.startswith("phi_"):
        return f"φ is {worst(held[broken])} at {places('training point', rows.nonzero().flatten().tolist())}"
    return f"{broken} is {worst(held[broken])}{at} {int(batch.index[lowest])}"


def worst(values: Tensor) -> str:
    """``nan`` if one of the values is NaN, else ``inf`` or ``-inf``."""
    if bool(values.isnan().any()):
        return "nan"
    return f"{float(values.flatten()[values.isinf().flatten()][0])}"


def places(noun: str, indices: Sequence[int], of: int | None = None) -> str:
    """``training points 3, 8 and 14``, in words; all ``of`` points of a batch are not listed."""
    if of is not None and len(indices) == of > 1:
        return f"all {of} points of its batch"
    listed = ", ".join(map(str, indices[:SHOWN]))
    more = f" and {len(indices) - SHOWN} more" if len(indices) > SHOWN else ""
    return f"{noun}{'s' if len(indices) > 1 else ''} {listed}{more}"


def far(data: Dataset, batch: Batch) -> str | None:
    """The point of the batch whose values are far from those of the other points, in words, if there is one."""
    sizes = batch.x[:, : data.data_dim].nan_to_num(0.0).abs().amax(1)  # a missing value has no size
    rows = some(data.train).nan_to_num(0.0)
    point, typical = int(sizes.argmax()), float(rows.abs().amax(1).median())
    if float(sizes[point]) <= FAR * typical:
        return None
    return (
        f"training point {int(batch.index[point])} has a value of size {float(sizes[point]):.3g}, while the largest "
        f"value of a typical point has size {typical:.3g}"
    )


def some(split: Split) -> Tensor:
    """The stored rows of a split; of a split in a mapped file, evenly spaced ones."""
    return split.x if isinstance(split.x, Tensor) else split.x[:: max(1, len(split) // SPACED)]


def largest(strategy: Strategy) -> str:
    """The weight of the largest size, in words."""
    sizes = {name: weight.detach().abs().max() for name, weight in strategy.named_parameters() if weight.numel()}
    name = max(sizes, key=lambda name: float(sizes[name]))
    return f"before that step the largest weight had size {float(sizes[name]):.3g}, in {name}"


def validation_points(training: Training) -> str | None:
    """The validation points whose bound is not finite at the present weights, in words."""
    result = training.validation(training.strategy, training.data, training.seed, training.progress.step)
    found = result.points[training.bound]
    index = torch.cat([batch.index for batch in training.validation.bound.batches(training.data, len(found))])
    bad = index[~torch.isfinite(found)].tolist()
    return f"every training step is finite, but the bound is not at {places('validation point', bad)}" if bad else None
