"""log p̂(x) = log (1/C) Σ_c w_c with E[w] = p(x): annealed importance sampling from p(z) to p(z given x)."""

import logging
import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from vaerun.bound.bound import Bound
from vaerun.bound.monte_carlo import BOUNDS, LOWER
from vaerun.config.ranges import at_least, below
from vaerun.data.base import Dataset, SplitName
from vaerun.data.loader import sweep
from vaerun.data.split import Split
from vaerun.errors import UserError
from vaerun.evaluation.annealing import Annealed, backward, forward, sigmoidal, step_sizes
from vaerun.evaluation.base import EvaluationResult
from vaerun.evaluation.hmc import Hamiltonian
from vaerun.evaluation.over_points import OverPoints
from vaerun.evaluation.results import Results
from vaerun.evaluation.switch import Switch
from vaerun.evaluation.transition import Move, Transition
from vaerun.execution import parallel
from vaerun.execution.memory import keep_freed_memory, numbers_at_once
from vaerun.metric.metric import Metric
from vaerun.model.base import Model
from vaerun.strategy.base import Strategy

logger = logging.getLogger("vaerun")

LEAPFROG = 5  # steps of one move
SHARPNESS = 4.0  # of the schedule
PRELIMINARY = 4  # chains per point in the preliminary pass, which adapts the step sizes
FEW = 2.0  # with fewer effective chains, a warning is given
SIMULATED = "simulated"  # the split of points that are drawn from the model
AIS = Metric("ais", f"{LOWER}, by annealing", "nat", "higher", "lower", "AIS", BOUNDS, order=200)
AIS_LOWER = Metric("ais_lower", f"{LOWER}, by annealing, at points drawn from the model", "nat", "higher", "lower")
AIS_UPPER = Metric(
    "ais_upper",
    "upper bound on mean log p(x), by annealing in reverse, at points drawn from the model",
    "nat",
    "lower",
    "upper",
)
AIS_WIDTH = Metric("ais_width", "not a bound: ais_upper − ais_lower, at points drawn from the model", "nat", "lower")
AIS_ACCEPTANCE = Metric("ais_acceptance", "not a bound: fraction of accepted moves")
AIS_ESS = Metric("ais_ess", "not a bound: effective number of chains")

TRANSITIONS: Mapping[str, type[Transition]] = {"real": Hamiltonian, "binary": Switch, "categorical": Switch}
"""Type of z ↦ the moves of its chains."""


class AISEvaluation(OverPoints):
    """ais = mean_i log (1/C) Σ_c w_ic, log w = Σ_t (β_t − β_{t−1}) log p(x given z_{t−1}), from β_0 = 0 to β_T = 1.

    z_0 ~ p(z), and a move from z_{t−1} to z_t leaves p(z) p(x given z)^{β_t} invariant: Hamiltonian moves for real z,
    Metropolis updates of single variables for discrete z. E[w] = p(x), so by Jensen's inequality ``ais``
    is a lower bound on mean_i log p_θ(x_i) in expectation, in nats per datum. The estimate of a point exceeds log p(x)
    by more than b with probability below e^{−b}. It does not depend on q, so it is the same for every strategy at the
    same θ. Step sizes are adapted in a preliminary pass with other chains, because chains that adapt their own step
    sizes would have biased weights. If the likelihood is not a density, the names begin with ``pseudo_``.

    ais_acceptance: fraction of accepted moves; for real z it should be near 0.8. Not a bound.
    ais_ess: (Σ_c w)²/Σ_c w², from 1 to C, mean over points. Not a bound. Near 1 a single chain dominates, and a
        warning advises more temperatures.

    With ``simulate`` pairs (z, x) are drawn from the model instead, so z is an exact sample of p(z given x); the split
    is then called ``simulated``:

    ais_lower: as ais. ais_upper: −mean_i log (1/C) Σ_c 1/w_ic of chains from this z back to the prior, an upper bound
        on mean_i log p_θ(x_i) in expectation, since E[1/w] = 1/p(x). ais_width: the upper minus the lower, point by
        point, in expectation at least the error of either bound at these points. Data that were not drawn from
        the trained model have no upper bound, because no exact sample of p(z given x) is known.

    Args:
        split: train, valid or test; with ``simulate`` only the number of its points is used.
        points: how many points, evenly spread over the split; null for all.
        chains: C.
        temperatures: T.
        leapfrog: steps of one move: leapfrog steps for real z, single-variable updates for discrete z.
        sharpness: δ of the schedule: β_t is a logistic curve from −δ to δ, slow at both ends; 0 for a linear one.
        simulate: draw the points from the model, and bound log p(x) from both sides.

    Raises:
        UserError: the split does not exist, or a number is out of range.

    Reference: Neal 2001, Annealed importance sampling; Wu et al. 2017, On the quantitative analysis of decoder-based
    generative models; Grosse, Ghahramani, Adams 2015, Sandwiching the marginal likelihood using bidirectional Monte
    Carlo.
    """

    def __init__(
        self,
        split: SplitName = "test",
        points: int | None = 100,
        chains: int = 16,
        temperatures: int = 500,
        leapfrog: int = LEAPFROG,
        sharpness: float = SHARPNESS,
        simulate: bool = False,
    ) -> None:
        super().__init__(split, points)
        at_least("evaluation.chains", chains, 1)
        at_least("evaluation.temperatures", temperatures, 1)
        at_least("evaluation.leapfrog", leapfrog, 1)
        below("evaluation.sharpness", sharpness, 0, math.inf, "use 0 for a linear schedule")
        self.chains, self.temperatures, self.leapfrog = chains, temperatures, leapfrog
        self.sharpness, self.simulate = sharpness, simulate

    @torch.no_grad()
    def __call__(self, strategy: Strategy, data: Dataset) -> EvaluationResult:
        keep_freed_memory()
        model = strategy.bound.model
        full_batches = self.num_points(data) // parallel.size() // self.points_at_once(data.train)
        moves = self.temperatures * full_batches
        transition = transition_of(strategy.bound, self.leapfrog, moves)
        betas = sigmoidal(self.temperatures, self.sharpness)

        def chains_of(x: Tensor, z: Tensor | None) -> tuple[Annealed, Annealed | None]:
            up, sizes = ascended(transition, x, self.chains, betas)
            return up, None if z is None else backward(transition, x, z.repeat(self.chains, 1, 1), betas, sizes)

        found = parallel.share(self.pairs(model, data), lambda pair: chains_of(*pair), data.train.x.device)
        ups = [up for up, _ in found]
        downs = [down for _, down in found if down is not None]
        log_weight, acceptance = joined(ups)
        lower = log_mean(log_weight)
        ess = (2 * log_weight.logsumexp(0) - (2 * log_weight).logsumexp(0)).exp()
        bounding = strategy.bound.metric(AIS_LOWER if self.simulate else AIS)
        results = Results(SIMULATED if self.simulate else self.split)
        results.add_mean(bounding, lower)
        if downs:
            upper = -log_mean(-joined(downs).log_weight)
            results.add_mean(strategy.bound.metric(AIS_UPPER), upper)
            results.add_mean(strategy.bound.metric(AIS_WIDTH), upper - lower)
        results.add(AIS_ACCEPTANCE, float(acceptance.mean()))
        results.add(AIS_ESS, float(ess.mean()))
        self.warn(float(ess.mean()))
        return results.result({bounding.name: lower, AIS_ESS.name: ess})

    def points_at_once(self, split: Split) -> int:
        """The largest number of points of a split whose chains move together."""
        return max(1, numbers_at_once(split.x.device) // split.x.shape[1] // self.chains)

    def pairs(self, model: Model, data: Dataset) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Points of this process, and their z if they are simulated: Float[Tensor, "B X"], Float[Tensor, "B D"]."""
        split = data.split(self.split)
        size = self.points_at_once(split)
        if not self.simulate:
            return ((batch.x, None) for batch in sweep(split, size, self.points, own=True))
        if not model.samples_its_density:
            raise UserError(
                f"evaluation.simulate=true needs points that are drawn from the density that is evaluated, but this "
                f"model has that of {model.target}: use evaluation.simulate=false or model/likelihood/rate=free."
            )
        n = self.num_points(data)
        points = torch.cat([batch.x for batch in sweep(split, size, n)]) if model.given_dim or model.missing else None
        given = None if points is None else model.given(points)  # that of the points of the split
        z = model.sample_prior(n, given)
        x = model.observe(z, given)
        if model.missing and points is not None:  # z is still an exact sample of p(z given the observed part of x)
            x = x.masked_fill(model.values(points).isnan(), math.nan)
        x = model.row(x, given)
        own = slice(parallel.rows(len(z)).start, parallel.rows(len(z)).stop)
        return zip(x[own].split(size), z[own].split(size), strict=True)

    def warn(self, ess: float) -> None:
        """Warns if a single chain dominates the estimate."""
        if self.chains >= 2 * FEW and ess < FEW:
            logger.warning(
                f"Only {ess:.1f} of {self.chains} annealed chains are effective, so ais may be far below log p(x): "
                f"use evaluation.temperatures={4 * self.temperatures} or more evaluation.chains, and look at the "
                f"width with evaluation.simulate=true."
            )


def transition_of(bound: Bound, steps: int, moves: int) -> Transition:
    """Moves of ``steps`` steps for the model's type of z; the same ones at each call.

    Args:
        bound: whose engine executes them, if they are many.
        steps: of a move.
        moves: how many the caller makes of chains of one shape.
    """
    make = TRANSITIONS[bound.model.prior.support]
    engine = bound.engine_of_evaluation(moves)
    move = bound.program(
        (make, steps, type(engine)), lambda: make(model=bound.model, steps=steps, engine=engine).program
    )
    assert isinstance(move, Move)
    return move.transition


def ascended(transition: Transition, x: Tensor, chains: int, betas: list[float]) -> tuple[Annealed, Tensor]:
    """Chains from the prior for every point of x, Float[Tensor, "B X"], and step sizes adapted by other chains."""
    model = transition.model
    sizes = step_sizes(transition, x, start(model, PRELIMINARY, x), betas)
    return forward(transition, x, start(model, chains, x), betas, sizes), sizes


def start(model: Model, chains: int, x: Tensor) -> Tensor:
    """z ~ p(z) for every chain of every point of x, Float[Tensor, "C B D"]."""
    given = model.given(x)
    every = None if given is None else given.repeat(chains, 1)
    return model.sample_prior(chains * len(x), every).unflatten(0, (chains, len(x)))


def joined(passes: list[Annealed]) -> Annealed:
    """The chains of all points beside one another."""
    return Annealed(*(torch.cat(parts, 1) for parts in zip(*passes, strict=True)))


def log_mean(log_weight: Tensor) -> Tensor:
    """log (1/C) Σ_c w_c: Float[Tensor, "C B"] ↦ Float[Tensor, "B"]."""
    return log_weight.logsumexp(0) - math.log(len(log_weight))
