"""max Σ_i L(x_i; θ, φ_i): every strategy reaches the maximum likelihood of a linear-Gaussian model, none exceeds it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vaerun.data.base import Dataset
from vaerun.data.split import Split, Visit
from vaerun.errors import UserError
from vaerun.evaluation.base import evaluating
from vaerun.experiment.build import build_strategy
from vaerun.local.solver import LocalSolver
from vaerun.model.linear_gaussian import LinearGaussian, maximum_log_likelihood
from vaerun.nn.normal import LOG_2PI
from vaerun.notation import Batch
from vaerun.posterior.gaussian import DiagonalGaussian, Gaussian
from vaerun.strategy.base import Strategy
from vaerun.strategy.per_point import PerPoint
from vaerun.verify.claim import EXACT, Claim, left_out, raised, within
from vaerun.verify.offer import Offer

CONCERNS = (
    "strategy",
    "strategy/encoder_loss",
    "strategy/phi_init",
    "strategy/refiner",
    "strategy/lam_schedule",
    "strategy/theta_schedule",
)
STEPS = 500
SOME = 3  # points whose φ is inferred without the others
ROUNDS = 4  # times STEPS, for strategies that converge more slowly
REACHED = 0.02  # nats
QUICK: Mapping[str, Any] = {"steps": 3, "max_steps": 5, "max_inner": 4, "window": 2, "hidden": []}
"""Values that replace defaults: they are faster here, and affine maps replace networks."""


class Corners(DiagonalGaussian):
    """A normal distribution whose 2^D samples have the noises (±1, …, ±1), with mean and covariance of N(0, I).

    If log p(x, z) is quadratic in z, the mean over these samples is exact, so training has no noise. For any other K
    the samples are random as usual. The solver for points that were not trained on uses K = 2, and two samples in two
    dimensions cannot have the covariance of N(0, I).
    """

    def noise(self, k: int) -> Tensor:
        signs = torch.tensor([-1.0, 1.0], device=self.mu.device, dtype=self.mu.dtype)
        corners = torch.cartesian_prod(*[signs] * self.mu.shape[1])
        if k != len(corners):
            return super().noise(k)
        return corners.unsqueeze(1).expand(-1, len(self.mu), -1)


class CornerGaussian(Gaussian):
    """The diagonal Gaussian family with samples at the corners."""

    def forward(self, phi: Tensor) -> Corners:
        q = super().forward(phi)
        return Corners(q.mu, q.log_sigma)


@dataclass(frozen=True)
class Untouched(Visit):
    """x = row, in the row's own precision."""

    def __call__(self, rows: Tensor) -> Tensor:
        return rows

    def moments(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        return rows, rows.square()


def dataset(x: Tensor) -> Dataset:
    """A data set whose three splits are all x."""
    split = Split(x, Untouched())
    return Dataset("x", split, split, split, (x.shape[1],), "none", "real", "")


def claims(offer: Offer, *, seed: int, device: torch.device) -> Iterator[Claim]:
    """Claims of every given strategy; if it is given by name, with every choice in its nested groups."""
    every = list(offer.variants("strategy"))
    usual = offer.catalogue.groups["strategy"]
    for choices in every:
        name = choices["strategy"]
        nested = {group.strip("/"): option for group, option in usual[name].nested().items()}
        if not offer.chosen and any(choices[group] != option for group, option in nested.items()):
            continue
        method = "/".join(choices.values())
        try:
            strategy, x = make_problem(offer, choices, seed=seed, device=device)
        except UserError as refusal:
            yield left_out(method, "linear_gaussian", refusal)
            continue
        try:
            for _ in range(ROUNDS):
                ascend(strategy, x)
                if exact_gap(strategy, x) < REACHED:
                    break
            yield from limits(strategy, x, method)
            yield from inference(strategy, x, method)
        except Exception as error:
            yield raised(method, "linear_gaussian", error)


@torch.no_grad()
def starts_anew(strategy: Strategy, x: Tensor) -> bool:
    """Whether the ascent in φ starts at the same φ at every visit, and not at the φ of the last visit.

    The result of such a strategy depends on the number of steps at a visit, which the user chooses.
    """
    if not isinstance(strategy, PerPoint):
        return False
    last = strategy.initial.expand(len(x), -1) + 1.0
    visited = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    start = strategy.phi_init(x, last, strategy.solver.optimizer.init(last), visited)
    return not torch.equal(start.phi, last)


def make_problem(
    offer: Offer, choices: Mapping[str, str], *, seed: int, device: torch.device
) -> tuple[Strategy, Tensor]:
    """The strategy on data of a linear-Gaussian model with D = 2; networks are affine.

    Raises:
        UserError: the choices do not fit together.
    """
    torch.manual_seed(seed)
    x = simulated(100, 5).to(device)
    rest = {"posterior": "gaussian", "objective": "elbo", "estimator": "reparam", "model": "linear_gaussian"}
    parts = offer.parts({**choices, **rest})
    if parts is None:
        raise UserError("it does not fit a linear-Gaussian model with a Gaussian q.")
    config = offer.configuration(parts, objective={"num_samples": 4}, model={"latent_dim": 2})
    config["posterior"] = {"_target_": f"{CornerGaussian.__module__}.{CornerGaussian.__name__}"}
    for group in ("amortizer", "strategy"):
        config[group] = quick(config[group], offer.keys.get(group, {}))
    return build_strategy(config, dataset(x), device), x


def quick(node: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """A node and its nested nodes with the values of ``QUICK``, except for keys that the user has set."""
    inner = {key: quick(value, asked) if isinstance(value, Mapping) else value for key, value in node.items()}
    return inner | {key: value for key, value in QUICK.items() if key in inner and key not in asked}


def ascend(strategy: Strategy, x: Tensor) -> None:
    """Trains with full batches and decreasing step sizes."""
    everyone = Batch(torch.arange(len(x), device=x.device), x)
    solver = getattr(strategy, "solver", None)
    rows = solver.optimizer if isinstance(solver, LocalSolver) else None
    for step in range(STEPS):
        rate = 0.05 if step < 0.6 * STEPS else 0.01 if step < 0.8 * STEPS else 0.001
        for group in strategy.optimizer.param_groups:
            group["lr"] = rate
        # Natural gradients have no learning rate: their steps become shorter by themselves.
        if hasattr(rows, "learning_rate"):
            rows.learning_rate = rate  # type: ignore[union-attr]
        strategy.step(everyone)


@torch.no_grad()
def exact_gap(strategy: Strategy, x: Tensor) -> float:
    """ℓ_max − L at the φ that the strategy infers, in nats."""
    model = strategy.bound.model
    assert isinstance(model, LinearGaussian)
    phi = strategy.infer(x, torch.arange(len(x), device=x.device), "train").phi
    return maximum_log_likelihood(x, 2) - float(exact_elbo(model, x, phi).mean())


def limits(strategy: Strategy, x: Tensor, method: str) -> Iterator[Claim]:
    """Compares the final bound with ℓ_max."""
    gap, where = exact_gap(strategy, x), "linear_gaussian"
    told = f"{gap:.1e} nats below" if gap > 0 else f"{-gap:.1e} nats above"
    if starts_anew(strategy, x):
        yield left_out(method, where, "each visit starts at the same φ, so the result depends on the number of steps.")
    else:
        yield within(method, where, "reaches ℓ_max", error=abs(gap), allowed=REACHED, measured=told)
    yield within(method, where, "never passes ℓ_max", error=max(-gap, 0.0), allowed=EXACT, measured=told)


def inference(strategy: Strategy, x: Tensor, method: str) -> Iterator[Claim]:
    """``infer`` changes no weight and no stored φ on any split; without noise, a point's φ is its own.

    A strategy that learned from the points that it infers would be trained on the test points.
    """
    where, everyone = "linear_gaussian", torch.arange(len(x), device=x.device)
    with evaluating(strategy, 0, x.device):
        before = {name: tensor.clone() for name, tensor in strategy.state_dict().items()}
        for split in ("train", "valid", "test"):
            strategy.infer(x, everyone, split)
        found, again = strategy.infer(x).phi, strategy.infer(x).phi
        changed = [name for name, tensor in strategy.state_dict().items() if not torch.equal(tensor, before[name])]
        told = f"{changed[0]} and {len(changed) - 1} more" if len(changed) > 1 else "".join(changed) or "nothing"
        yield within(method, where, "infer changes nothing", error=len(changed), allowed=0.0, measured=told)
        if torch.equal(found, again):
            some = strategy.infer(x[:SOME]).phi
            yield within(method, where, "φ of points apart", error=float((some - found[:SOME]).abs().max()))


def simulated(n: int, data_dim: int, latent_dim: int = 2, sigma: float = 0.5) -> Tensor:
    """Points of a linear-Gaussian model, Float[Tensor, "N X"], the same at every call."""
    g = torch.Generator().manual_seed(1)
    W, mu = torch.randn(data_dim, latent_dim, generator=g), torch.randn(data_dim, generator=g)
    z = torch.randn(n, latent_dim, generator=g)
    return z @ W.T + mu + sigma * torch.randn(n, data_dim, generator=g)


def exact_elbo(model: LinearGaussian, x: Tensor, phi: Tensor) -> Tensor:
    """E_q[log p(x given z)] − KL(q ‖ N(0, I)) of a diagonal Gaussian q in closed form, Float[Tensor, "B"]."""
    q = Gaussian(latent_dim=model.latent_dim)(phi)
    m, v = q.mu, (2 * q.log_sigma).exp()
    log_sigma, X = model.log_sigma(), x.shape[1]
    squares = (x - model.mu - m @ model.W.T).square().sum(1) + v @ model.W.square().sum(0)
    likelihood = -0.5 * X * LOG_2PI - X * log_sigma - 0.5 * squares * (-2 * log_sigma).exp()
    return likelihood - 0.5 * (m.square() + v - v.log() - 1).sum(1)
