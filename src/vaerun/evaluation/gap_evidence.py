"""log p̂(x): exact if it has a closed form or z has few values, otherwise by annealed importance sampling."""

import torch
from torch import Tensor

from vaerun.bound.bound import Bound
from vaerun.evaluation.ais import LEAPFROG, SHARPNESS, ascended, log_mean, transition_of
from vaerun.evaluation.annealing import sigmoidal
from vaerun.evaluation.gap_rewards import by_listing
from vaerun.exact.expectation import Space, log_evidence
from vaerun.execution.memory import rows_at_once
from vaerun.model.base import ExactMarginal
from vaerun.posterior.base import Enumerable


def exact(bound: Bound, x: Tensor) -> Tensor | None:
    """log p_θ(x) without error, Float[Tensor, "B"]; None where it is not known."""
    if isinstance(bound.model, ExactMarginal):
        return bound.model.exact_log_prob(x).double()
    listed = by_listing(bound)
    if listed is None:
        return None
    q = bound.family(bound.family.initial().to(x).unsqueeze(0))
    assert isinstance(q, Enumerable)
    every = Space(q.support(), x.new_ones(1, 1))
    size = max(1, rows_at_once(x) // listed.decodes)
    return torch.cat([log_evidence(bound.model, some, every) for some in x.split(size)]).double()


def annealed(bound: Bound, x: Tensor, chains: int, temperatures: int) -> Tensor:
    """log (1/C) Σ_c w_c by annealed importance sampling, Float[Tensor, "B"]: a lower bound in expectation."""
    betas = sigmoidal(temperatures, SHARPNESS)
    size = max(1, rows_at_once(x) // chains)
    transition = transition_of(bound, LEAPFROG, temperatures * (len(x) // size))
    return torch.cat([log_mean(ascended(transition, some, chains, betas)[0].log_weight) for some in x.split(size)])
