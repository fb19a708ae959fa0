"""L(x; θ, φ) = E_{q(z; φ)}[J(r(z_1), …, r(z_K))]: the function that training differentiates."""

from collections.abc import Callable, Hashable
from typing import Any

import torch
from torch import Tensor, nn

from vaerun.config.legality import clashes
from vaerun.config.part import parts_of_objects
from vaerun.errors import UserError
from vaerun.estimator.base import Estimator, evaluate
from vaerun.execution.engine.base import Engine, Program
from vaerun.execution.engine.eager import Eager
from vaerun.execution.engine.fallback import Fallback
from vaerun.execution.memory import rows_at_once
from vaerun.metric.metric import Metric
from vaerun.model.base import Model
from vaerun.notation import Estimate, Terms
from vaerun.objective.base import Objective
from vaerun.posterior.base import Family

MANY = 1000  # calls with inputs of one shape from which an evaluation leaves a program to the engine


class Bound(nn.Module):
    """L(x; θ, φ) = E_q[J(r)]: training differentiates its estimate, and evaluations use its terms at samples of q.

    Args:
        model: p_θ(x, z).
        family: φ ↦ q(z; φ).
        objective: J.
        estimator: how the gradient of the expectation is estimated.
        engine: executes the gradients.

    Raises:
        UserError: the estimator is not valid for the objective, or q lacks a capability that the estimator needs.
    """

    def __init__(
        self,
        *,
        model: Model,
        family: Family,
        objective: Objective,
        estimator: Estimator,
        engine: Engine | None = None,
    ) -> None:
        super().__init__()
        check_parts(model, family, objective, estimator)
        self.model = model
        self.family = family
        self.objective = objective
        self.estimator = estimator
        self.engine = Eager() if engine is None else engine
        self.evaluation_engine = Fallback(self.engine.unrounded)
        self.programs: dict[Hashable, Program] = {}
        self.derived: dict[Hashable, Bound] = {}  # bounds over the same model that evaluations use
        self.decodes = estimator.decodes(objective.num_samples, family)  # decoder evaluations per point and call

    def program(self, key: Hashable, make: Callable[[], Program]) -> Program:
        """The program of this key, made once, so that an engine that has compiled it executes it again."""
        if key not in self.programs:
            self.programs[key] = make()
        return self.programs[key]

    def engine_of_evaluation(self, calls: int) -> Engine:
        """The engine for a program that an evaluation calls so often with inputs of one shape.

        It computes in float32, and operation by operation where the engine of training cannot execute the program. To
        compile a program for a few calls would take longer than they do.
        """
        return self.evaluation_engine if calls >= MANY else Eager()

    def evaluated(self, program: Program, *inputs: Tensor, calls: int) -> Any:
        """The outputs of a program of an evaluation that makes so many calls with inputs of these shapes."""
        return self.engine_of_evaluation(calls)(program, *inputs)

    def forward(self, x: Tensor, phi: Tensor) -> Estimate:
        """One estimate per point: Float[Tensor, "B X"], Float[Tensor, "B P"] ↦ Estimate over B, in nats per datum."""
        estimate = self.estimator(self.family(phi), self.model, self.objective, x)
        if not isinstance(estimate, Estimate):
            raise UserError(
                f"{type(self.estimator).__name__}.forward must return an Estimate, got {type(estimate).__name__}: end "
                "it with 'return estimate(value, surrogate, terms)'."
            )
        if phi.requires_grad and torch.is_grad_enabled() and not estimate.surrogate.requires_grad:
            raise UserError(
                f"{type(self.estimator).__name__}.forward must return a surrogate with a gradient, but it does not "
                "depend on q or on the model through tensors with a gradient: leave out detach() and torch.no_grad()."
            )
        self.objective.record_kl(estimate.kl)
        return estimate

    def phi_surrogate(self, x: Tensor, phi: Tensor) -> Tensor:
        """A function of φ with the gradient of ``forward``'s surrogate in φ, Float[Tensor, "B"]; it may cost less."""
        if self.objective.records_kl:
            return self(x, phi).surrogate
        return self.estimator.phi_surrogate(self.family(phi), self.model, self.objective, x)

    def metric(self, metric: Metric) -> Metric:
        """The metric as this model reports it: a bound on log p(x) is one only if the likelihood is a density.

        Args:
            metric: a bound, log p(x) itself, or a difference of bounds that is named like them.
        """
        metric = metric.about(self.model.target)
        return metric if self.model.is_density else metric.without_density()

    @torch.no_grad()
    def terms(self, x: Tensor, phi: Tensor, k: int) -> Terms:
        """The terms of r at k samples of q itself, each Float[Tensor, "K B"], without gradient.

        Evaluations use them: they contain no relaxation and no KL weight, and do not depend on the estimator.
        """
        q = self.family(phi)
        z = q.sample(k)
        return evaluate_in_parts(self.model, x, z, q.log_prob(z))

    def rewards(self, x: Tensor, phi: Tensor, k: int, *, calls: int = 1) -> Tensor:
        """r = log p_θ(x, z) − log q(z; φ) at k samples of q itself, Float[Tensor, "K B"], without gradient.

        Args:
            x: Float[Tensor, "B X"].
            phi: Float[Tensor, "B P"].
            k: K.
            calls: how often the caller asks for as many rewards of as many points.
        """
        return self.evaluated(self.program((Rewards, k), lambda: Rewards(self, k)), x, phi, calls=calls)


class Rewards(Program):
    """(x, φ) ↦ r at K samples of q, Float[Tensor, "K B"].

    Args:
        bound: states model and family.
        num_samples: K.
    """

    def __init__(self, bound: Bound, num_samples: int) -> None:
        super().__init__(bound)
        self.bound, self.num_samples = bound, num_samples

    def __call__(self, *inputs: Tensor) -> Tensor:
        x, phi = inputs
        terms = self.bound.terms(x, phi, self.num_samples)
        return terms.log_likelihood + terms.log_prior - terms.log_q


def evaluate_in_parts(model: Model, x: Tensor, z: Tensor, log_q: Tensor) -> Terms:
    """The same as ``evaluate``, in parts that fit into memory."""
    if log_q.numel() <= rows_at_once(x):
        return evaluate(model, x, z, log_q)
    place = 0 if len(z) > 1 else 1
    points = (x, x) if place == 0 else x.chunk(2)
    halves = zip(points, z.chunk(2, place), log_q.chunk(2, place), strict=True)
    parts = [evaluate_in_parts(model, *half) for half in halves]
    return Terms(*(torch.cat(both, place) for both in zip(*parts, strict=True)))


def check_parts(model: Model, family: Family, objective: Objective, estimator: Estimator) -> None:
    """Refuses parts that would give a wrong gradient or a wrong bound, also when they are combined in Python.

    Raises:
        UserError: which two do not fit, by the rules of ``vaerun.config.legality``.
    """
    latent_dim = model.prior.latent_dim
    if family.latent_dim != latent_dim:
        raise UserError(
            f"the latent_dim of q must be that of the model, {latent_dim}, got {family.latent_dim}: make both with the "
            "same number."
        )
    inside = {f"estimator/{name}": part for name, part in estimator.named_modules() if name}
    objects = {"model": model, "model/prior": model.prior, "posterior": family, "objective": objective}
    for clash in clashes(parts_of_objects({**objects, "estimator": estimator, **inside})):
        raise UserError(f"{clash.why}.")
