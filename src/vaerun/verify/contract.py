"""Exact properties of every estimate besides its gradient; one batch of a few rows is enough."""

import copy
from collections.abc import Iterator

import torch
from torch import Tensor

from vaerun.notation import Estimate
from vaerun.verify.claim import Claim, within
from vaerun.verify.small import Problem

ROWS = 5


def contract(problem: Problem, method: str, case: str) -> Iterator[Claim]:
    """Points do not affect each other, metrics have no gradient, and decodes and ``phi_surrogate`` are as declared."""
    estimate, leaf, decoded = run(problem, problem.x.expand(ROWS, -1))
    announced = problem.estimator.decodes(problem.objective.num_samples, problem.family)
    yield within(
        method,
        case,
        "decodes counted",
        error=abs(decoded / ROWS - announced),
        allowed=0.0,
        measured=f"{decoded / ROWS:g} a point, {announced} declared",
    )
    metrics = {name: getattr(estimate, name) for name in ("value", "log_likelihood", "kl")}
    leaking = [name for name, metric in metrics.items() if metric.requires_grad]
    leaking += [name for name, metric in metrics.items() if metric.shape != (ROWS,)]
    leaking += ["auxiliary"] if estimate.auxiliary.requires_grad and leaks(estimate.auxiliary, leaf, problem) else []
    yield within(
        method,
        case,
        "no gradient leaks",
        error=len(leaking),
        allowed=0.0,
        measured=f"through {' and '.join(leaking)}" if leaking else "none",
    )
    yield within(method, case, "points apart", error=influence(problem))
    yield within(method, case, "phi_surrogate has the same ∇φ", error=disagreement(problem))


def run(problem: Problem, x: Tensor) -> tuple[Estimate, Tensor, int]:
    """An estimate at some points, the tensor φ that it is differentiated in, and the number of decoded z."""
    leaf = problem.phi.expand(len(x), -1).clone().requires_grad_()
    decoded = 0
    inner = problem.model.log_likelihood

    def counted(x: Tensor, z: Tensor) -> Tensor:
        nonlocal decoded
        decoded += z.shape[0] * z.shape[1]
        return inner(x, z)

    problem.model.log_likelihood = counted  # type: ignore[method-assign]
    try:
        estimate: Estimate = problem.estimator(problem.q(leaf), problem.model, problem.objective, x)
    finally:
        del problem.model.log_likelihood
    return estimate, leaf, decoded


def leaks(auxiliary: Tensor, leaf: Tensor, problem: Problem) -> bool:
    """Whether the loss of the estimator's own weights has a gradient in other tensors."""
    gradients = torch.autograd.grad(auxiliary, [leaf, *problem.shared], allow_unused=True, retain_graph=True)
    return any(g is not None and bool(g.any()) for g in gradients)


def influence(problem: Problem) -> float:
    """The change of the first point's estimate when all other points are replaced, with the same random numbers."""
    memory, seen = copy.deepcopy(problem.estimator.state_dict()), []
    others = problem.x.expand(ROWS, -1).clone()
    others[1:] = 1 - others[1:]
    for x in (problem.x.expand(ROWS, -1), others):
        problem.estimator.load_state_dict(memory)
        torch.manual_seed(1)
        estimate, leaf, _ = run(problem, x)
        (gradient,) = torch.autograd.grad(estimate.surrogate[0], leaf)
        stray = gradient[1:].abs().max()
        own = torch.stack((estimate.value[0], estimate.log_likelihood[0], estimate.kl[0]))
        seen.append(torch.cat((gradient[0], own.detach(), stray.unsqueeze(0))))
    return max(float((seen[0] - seen[1]).abs().max()), float(seen[0][-1]))


def disagreement(problem: Problem) -> float:
    """The largest difference between ∇φ of ``phi_surrogate``, which an ascent in φ takes, and of the surrogate."""
    memory, found = copy.deepcopy(problem.estimator.state_dict()), []
    x = problem.x.expand(ROWS, -1)
    for alone in (False, True):
        problem.estimator.load_state_dict(memory)
        torch.manual_seed(1)
        leaf = problem.phi.expand(ROWS, -1).clone().requires_grad_()
        arguments = (problem.q(leaf), problem.model, problem.objective, x)
        surrogate = problem.estimator.phi_surrogate(*arguments) if alone else problem.estimator(*arguments).surrogate
        found.append(torch.autograd.grad(surrogate.sum(), leaf)[0])
    return float(((found[0] - found[1]).abs() / (1 + found[0].abs())).max())
