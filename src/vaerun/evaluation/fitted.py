"""max_λ mean_i L(x_i; θ, f_λ(x_i)) over the training points at fixed θ: an encoder fitted after training."""

import copy
from typing import NamedTuple

import torch
from torch import Tensor

from vaerun.amortizer.base import Amortizer
from vaerun.bound.bound import Bound
from vaerun.bound.value_and_grad import ValueAndGrad
from vaerun.data.base import Dataset
from vaerun.data.loader import Loader, sweep
from vaerun.data.split import Split
from vaerun.evaluation.ascent import elbo
from vaerun.strategy.base import MakeOptimizer
from vaerun.strategy.encoded import AmortizedBound

BATCH = 100
WATCHED = 1000  # validation points that decide when to stop
DRAWS = 16  # of each
PATIENCE = 4  # epochs without a rise before the step size is cut
CUTS = 2  # before the fit has converged


class Fitted(NamedTuple):
    """A fitted encoder, and whether the fit converged."""

    amortizer: Amortizer  # where the validation bound was highest
    epochs: int
    converged: bool  # stopped because that bound no longer rose, not because of the limit


def fit(bound: Bound, amortizer: Amortizer, optimizer: MakeOptimizer, data: Dataset, max_epochs: int) -> Fitted:
    """λ maximises the mean bound until that of validation points no longer rises; θ and q's shared weights stay fixed.

    If the validation bound has not risen for 4 epochs, the fit returns to its best λ with a third of the step size; the
    third time it ends. The λ with the highest validation bound is returned, so more epochs do not overfit.

    Args:
        bound: L, as ``lowest_variance_elbo`` makes it.
        amortizer: where λ starts; a copy is fitted.
        optimizer: makes λ's optimiser.
        data: training points to fit, and validation points that decide when to stop.
        max_epochs: the limit, 1 or more.
    """
    amortizer = copy.deepcopy(amortizer).train()
    module, weights = AmortizedBound(bound, amortizer), list(amortizer.parameters())
    steps = optimizer(weights)
    seed = int(torch.randint(2**62, ()))
    loader = Loader(data.train, batch_size=BATCH, seed=seed)
    program, calls = ValueAndGrad(module, module, weights), max_epochs * loader.steps_per_epoch
    best, highest = copy.deepcopy(amortizer.state_dict()), watched(bound, amortizer, data.valid, seed)
    stale = cuts = epoch = 0
    while epoch < max_epochs and cuts <= CUTS:
        for batch in loader.epoch(epoch):
            gradients = bound.evaluated(program, batch.x, calls=calls).weights
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.grad = gradient
            steps.step()
        epoch += 1
        now, stale = watched(bound, amortizer, data.valid, seed), stale + 1
        if now > highest:
            best, highest, stale = copy.deepcopy(amortizer.state_dict()), now, 0
        elif stale >= PATIENCE:
            amortizer.load_state_dict(best)
            for group in steps.param_groups:
                group["lr"] /= 3
            cuts, stale = cuts + 1, 0
    amortizer.load_state_dict(best)
    return Fitted(amortizer.eval(), epoch, cuts > CUTS)


@torch.no_grad()
def watched(bound: Bound, amortizer: Amortizer, split: Split, seed: int) -> Tensor:
    """The mean ELBO of some validation points, with the same noise at each call, Float[Tensor, ""]."""
    (batch,) = sweep(split, WATCHED, WATCHED)
    return elbo(bound, batch.x, amortizer(batch.x), DRAWS, seed).mean()
