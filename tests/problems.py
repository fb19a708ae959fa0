"""What the tests build from: the YAML files of conf/, and spaces over which an expectation is an exact sum."""

import copy
import functools
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor, nn

from tests.oracle import Space as Space
from tests.oracle import exact_elbo as exact_elbo
from tests.oracle import log_evidence as log_evidence
from tests.oracle import space as space
from tests.oracle import truth as truth
from vaerun.amortizer.base import Amortizer
from vaerun.bound.bound import Bound
from vaerun.config.yaml_file import load
from vaerun.experiment.make import kind_of, make
from vaerun.local.optimizer.base import LocalOptimizer
from vaerun.local.solver import LocalSolver
from vaerun.model.base import Model
from vaerun.model.linear_gaussian import LinearGaussian
from vaerun.nn.bounded_scale import LIMIT
from vaerun.objective.base import Objective
from vaerun.posterior.base import Enumerable, Family, Posterior, Reparameterized
from vaerun.posterior.gaussian import DiagonalGaussian
from vaerun.posterior.laplace import DiagonalLaplace
from vaerun.posterior.shared_flow import SharedFlow
from vaerun.strategy.base import Strategy
from vaerun.verify.strategy import dataset as dataset

CONF = Path(__file__).parents[1] / "conf"
NOTHING: Mapping[str, str] = {}
SMALL = {"num_classes": 2, "rank": 1}  # in place of defaults that are too large for a z of one or two coordinates


def options(group: str) -> list[str]:
    """The names of the YAML files of a group."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


@functools.cache
def _content(path: str) -> dict[str, Any]:
    """What the YAML file of ``path`` = "group/option" says."""
    return OmegaConf.to_container(load(CONF / f"{path}.yaml"))  # type: ignore[return-value]


def node(path: str, nested: Mapping[str, str] = NOTHING, **keys: Any) -> dict[str, Any]:
    """What ``group=option`` composes for ``path`` = "group/option", with other ``nested`` choices and other keys.

    Keys that ``SMALL`` names have its values instead of their defaults.
    """
    content = copy.deepcopy(_content(path))
    group = path.rpartition("/")[0]
    composed: dict[str, Any] = {}
    for entry in content.pop("defaults", []):
        for inner, option in entry.items():
            if not inner.startswith("override"):
                composed[inner] = node(f"{group}/{inner}/{nested.get(inner, option)}")
    for inner in composed.keys() & content.keys():
        content[inner] = composed[inner] | content[inner]
    small = {key: value for key, value in SMALL.items() if key in content}
    return {**composed, **content, **small, **keys}


def variants(group: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Every option of a group with every choice for the groups nested in it: ("score", {"baseline": "none"}), …"""
    for option in options(group):
        content = node(f"{group}/{option}")
        inner = [key for key, value in content.items() if isinstance(value, dict) and "_target_" in value]
        for choice in itertools.product(*(options(f"{group}/{key}") for key in inner)):
            yield option, dict(zip(inner, choice, strict=True))


def class_of(path: str) -> type:
    """The class that the YAML at ``path`` names."""
    return kind_of(node(path), path.rpartition("/")[0])


def prior_over(support: str) -> str:
    """The prior over that kind of z that a run has unless another is chosen: a model's, or one a posterior brings."""
    usual = node("model/vae")["prior"]["_target_"]
    own = {f"vaerun.model.prior.{option}": option for option in options("model/prior")}
    brought = [
        option
        for posterior in options("posterior")
        for entry in _content(f"posterior/{posterior}").get("defaults", [])
        for option in entry.values()
    ]
    candidates = [own[usual.rpartition(".")[0]], *brought]
    return next(option for option in candidates if class_of(f"model/prior/{option}").support == support)


def objective(option: str, k: int, beta: float = 1.0) -> Objective:
    """The objective of that name at K = ``k`` and a constant KL weight."""
    kl_weight = node("objective/kl_weight/constant", constant=beta)
    return make(node(f"objective/{option}", num_samples=k, kl_weight=kl_weight), {})


def family_and_model(posterior: str, *, latent_dim: int, data_dim: int = 3) -> tuple[Family, Model]:
    """A family of that name, and a VAE over its z with a linear decoder and a Bernoulli likelihood, all weights drawn.

    A linear decoder keeps log p(x given z) analytic far from the real axis, so sums over a grid converge geometrically.
    One-hot blocks make z longer where ``latent_dim`` does not hold a whole number of them.
    """
    classes = node(f"posterior/{posterior}").get("num_classes", 1)
    latent_dim = classes * math.ceil(latent_dim / classes)
    facts: dict[str, Any] = {
        "latent_dim": latent_dim,
        "data_dim": data_dim,
        "data_mean": torch.linspace(0.3, 0.6, data_dim),
        "data_std": 1.0,
    }
    family: Family = make(node(f"posterior/{posterior}"), facts)
    vae = node("model/vae", {"prior": prior_over(family.support)}, latent_dim=latent_dim)
    vae["decoder"]["hidden"] = []
    model: Model = make(vae, facts)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(0.8 * torch.randn_like(weight))
    return family, model


def space_of(q: Posterior, support: str, **grid: Any) -> Space:
    """The space over which sums under ``q`` are exact: ``space``, or nodes on both sides of a Laplace's kinks at μ."""
    if not isinstance(q, DiagonalLaplace):
        return space(support, q.sample(1).shape[-1], **grid)
    offset, volume = laplace_nodes()
    b, mu = q.log_b.detach().exp(), q.mu.detach()
    every = torch.cartesian_prod(*[torch.arange(len(offset))] * mu.shape[1]).reshape(-1, mu.shape[1])
    return Space(mu + b * offset[every].unsqueeze(1), (b * volume[every].unsqueeze(1)).prod(-1))


def laplace_nodes(step: float = 0.1) -> tuple[Tensor, Tensor]:
    """ε and volumes with Σ volume · f(ε) = ∫ f(ε) dε for f that decays like e^−|ε| and is analytic but for ε = 0.

    Trapezoidal in t with |ε| = exp(t − e^−t): the integrand decays doubly exponentially at the kink.

    Reference: Takahasi, Mori 1974, Double exponential formulas for numerical integration.
    """
    t = torch.arange(-3.7, 4.0, step)
    size = torch.exp(t - torch.exp(-t))
    volume = step * size * (1 + torch.exp(-t))
    return torch.cat((-size.flip(0), size)), torch.cat((volume.flip(0), volume))


def bernoulli_space(data_dim: int) -> Tensor:
    """All x in {0, 1}^X, Float[Tensor, "2^X X"]."""
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=data_dim)))


class Draws(NamedTuple):
    """Every draw of K samples that a posterior can make, and its probability."""

    values: Tensor  # Float[Tensor, "K T D"]: samples, or noise
    probability: Tensor  # Float[Tensor, "T"]
    method: str  # the method of the posterior that gives them


def all_draws(q: Posterior, k: int) -> Draws:
    """All K-tuples of a finite support, of nodes of the noise, or of a grid of z weighted by q, for q of one point."""
    # The finer the grid the wider the strip in which log p(x, z) may have its poles.
    cell = {1: 0.05, 2: 0.1}.get(k, 0.5)
    if isinstance(q, Enumerable):
        points, p, method = q.support()[:, 0], q.log_prob(q.support())[:, 0].exp().detach(), "sample"
    elif isinstance(q, DiagonalLaplace):
        nodes, volume = laplace_nodes()
        points, p, method = nodes.unsqueeze(1), 0.5 * (-nodes.abs()).exp() * volume, "noise"
    elif isinstance(q, Reparameterized):
        length = q.noise(1).shape[-1]
        # Of several coordinates only a coarse grid can be listed, as coarse as a Gaussian's strip of analyticity bears.
        width, cell = (8.0, cell) if length == 1 else (7.0, 0.2) if k == 1 else (5.6, 0.8)
        over = space("real", length, width=width, cell=cell)
        points, method = over.z[:, 0], "noise"
        p = torch.distributions.Normal(0.0, 1.0).log_prob(points).sum(-1).exp() * over.volume[:, 0]
    else:
        over = space("real", q.sample(1).shape[-1], cell=cell)
        points, method = over.z[:, 0], "sample"
        p = (q.log_prob(over.z).exp() * over.volume)[:, 0].detach()
        points, p = points[p > 1e-16], p[p > 1e-16]
    tuples = torch.cartesian_prod(*[torch.arange(len(p))] * k).reshape(-1, k)
    return Draws(points[tuples].transpose(0, 1), p[tuples].prod(1), method)


def listing_error(q: Posterior, k: int) -> float:
    """How far a sum over ``all_draws`` may be from the expectation.

    Above rounding where the noise has coordinates to spare, so that only a coarse grid can be listed, and where the
    nodes of a Laplace, far apart in its tails, meet the poles that weights of several samples have. A spline's density
    has kinks, and its derivative in φ jumps where they are: there a grid of z errs by O(cell).
    """
    if isinstance(q, SharedFlow):
        return 2e-3
    if isinstance(q, DiagonalLaplace):
        return {1: 1e-10}.get(k, 1e-5)
    if isinstance(q, Reparameterized) and not isinstance(q, Enumerable) and q.noise(1).shape[-1] > 1:
        return {1: 1e-8}.get(k, 1e-4)
    return 1e-10


def give(q: Posterior, method: str, values: Tensor) -> Posterior:
    """q with the draws of ``method`` replaced by ``values``."""
    setattr(q, method, lambda k: values)
    return q


def count_decoded(model: Model, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows by K · B at every evaluation of log p(x given z)."""
    rows: list[int] = []
    inner = model.log_likelihood

    def counted(x: Tensor, z: Tensor) -> Tensor:
        rows.append(z.shape[0] * z.shape[1])
        return inner(x, z)

    monkeypatch.setattr(model, "log_likelihood", counted)
    return rows


def count_encoded(strategy: Strategy) -> list[int]:
    """A list that grows by B at every pass of a batch through an amortizer of the strategy."""
    rows: list[int] = []
    for module in strategy.modules():
        if isinstance(module, Amortizer):
            module.register_forward_pre_hook(lambda _, inputs: rows.append(len(inputs[0])))
    return rows


def parameters(module: nn.Module) -> list[nn.Parameter]:
    """The parameters as a list."""
    return list(module.parameters())


def linear_gaussian(W: Tensor, mu: Tensor, sigma: float) -> LinearGaussian:
    """The linear-Gaussian model with these parameters."""
    model: LinearGaussian = make(
        node("model/linear_gaussian", latent_dim=W.shape[1]), {"data_mean": mu, "data_std": sigma}
    )
    with torch.no_grad():
        model.W.copy_(W)
    return model


def optimal_phi(model: LinearGaussian, x: Tensor) -> Tensor:
    """φ of every point's best diagonal q: the posterior's mean, and variances 1/Λ_dd; Float[Tensor, "B P"]."""
    mean, _ = model.exact_posterior(x)
    log_sigma = -0.5 * model.precision().diagonal().log()
    raw = LIMIT * (log_sigma / LIMIT).atanh()
    return torch.cat((mean, raw.expand(len(x), -1)), 1).detach()


def quadrature(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives a diagonal Gaussian q the 2^D noises (±1, …, ±1) as its K = 2^D draws.

    They have the mean and covariance of N(0, I), so where log p(x, z) is quadratic in z every sample mean is exact.
    """

    def noise(self: DiagonalGaussian, k: int) -> Tensor:
        corners = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * self.mu.shape[1])
        assert k == len(corners)
        return corners.unsqueeze(1).expand(-1, len(self.mu), -1)

    monkeypatch.setattr(DiagonalGaussian, "noise", noise)


class PlainAscentState(NamedTuple):
    steps: Tensor  # Int[Tensor, "R 1"]


class PlainAscent(LocalOptimizer):
    """step = rate · gradient: shows the gradient that a row was given."""

    def __init__(self, rate: float = 1.0) -> None:
        self.rate = rate
        self.updates = 0

    def init(self, phi: Tensor) -> PlainAscentState:
        return PlainAscentState(torch.zeros(len(phi), 1, dtype=torch.int64))

    def update(self, gradient: Tensor, state: PlainAscentState, scale: Tensor) -> tuple[Tensor, PlainAscentState]:
        self.updates += 1
        return self.rate * gradient, PlainAscentState(state.steps + 1)


def simulated(n: int = 300, data_dim: int = 6, latent_dim: int = 2, sigma: float = 0.5) -> Tensor:
    """Points of a linear-Gaussian model, Float[Tensor, "N X"], the same at every call."""
    g = torch.Generator().manual_seed(1)
    W, mu = torch.randn(data_dim, latent_dim, generator=g), torch.randn(data_dim, generator=g)
    z = torch.randn(n, latent_dim, generator=g)
    return z @ W.T + mu + sigma * torch.randn(n, data_dim, generator=g)


def linear_strategy(
    name: str,
    x: Tensor,
    *,
    k: int = 4,
    estimator: str = "reparam",
    optimizer: Any = None,
    rows: Any = None,
    nested: Mapping[str, str] = NOTHING,
    missing: bool = False,
    valid: int = 7,
    **keys: Any,
) -> Strategy:
    """A strategy on the linear-Gaussian model with D = 2, a Gaussian q and, where there are any, affine networks.

    Args:
        name: the strategy's YAML.
        x: the training points.
        k: the samples of an ELBO.
        estimator: its YAML.
        optimizer: what makes θ's optimiser; Adam where it is None.
        rows: the row optimiser; Adam where it is None.
        nested: other choices in the groups nested in the strategy.
        missing: whether values of x are missing.
        valid: the number of validation points.
        keys: of the strategy's YAML.
    """
    facts: dict[str, Any] = {
        "data_dim": x.shape[1],
        "data_mean": x.nanmean(0),
        "data_std": float((x - x.nanmean(0)).square().nanmean(0).mean().sqrt()),
        "missing": missing,
        "latent_dim": 2,
        "num_points": {"train": len(x), "valid": valid, "test": 5},
    }
    family: Family = make(node("posterior/gaussian"), facts)
    bound = Bound(
        model=make(node("model/linear_gaussian", latent_dim=2), facts),
        family=family,
        objective=objective("elbo", k),
        estimator=make(node(f"estimator/{estimator}"), facts),
    )
    facts |= {"bound": bound, "num_parameters": family.num_parameters, "initial": family.initial()}
    solver: LocalSolver = make(node("local/solver"), facts)
    solver.optimizer = rows or solver.optimizer
    facts |= {
        "solver": solver,
        "amortizer": make(node("amortizer/mlp", hidden=[]), facts),
        "optimizer": optimizer or make(node("optimizer/adam"), {}),
    }
    chosen = node(f"strategy/{name}", nested, **keys)
    for part in chosen.values():
        if isinstance(part, dict) and "hidden" in part:
            part["hidden"] = []  # as in the encoder
    return make(chosen, facts)


def plain_ascent(weights: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """θ ← θ + ∂: a step shows the gradient."""
    return torch.optim.SGD(weights, lr=1.0)
