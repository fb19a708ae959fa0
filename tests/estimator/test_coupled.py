"""REBAR and RELAX: their gradient's expectation, what they learn, and what they leave alone."""

import math
from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.composition import composed
from tests.problems import count_decoded, family_and_model, node, objective, parameters, space, truth
from vaerun.config import hydra
from vaerun.config.check import check
from vaerun.errors import UserError
from vaerun.estimator.coupled import Coupled
from vaerun.experiment.make import make
from vaerun.model.base import Model
from vaerun.notation import Estimate
from vaerun.objective.base import Objective
from vaerun.posterior.base import Family, Relaxable

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("exact")]

NAMES = ["rebar", "relax"]
X = torch.tensor([[1.0, 0.0, 1.0]], dtype=torch.float64)
FACTS = {"data_dim": 3, "data_mean": torch.full((3,), 0.5, dtype=torch.float64), "data_std": 0.5}


def made(name: str, latent_dim: int = 2, **keys: Any) -> Coupled:
    return make(node(f"estimator/{name}", **keys), {**FACTS, "latent_dim": latent_dim})


def talking(estimator: Coupled) -> Coupled:
    """Its network, where it has one, says something."""
    with torch.no_grad():
        for name, weight in estimator.named_parameters():
            if name.startswith("layers"):
                weight.copy_(0.1 * torch.randn_like(weight))
    return estimator


def parts(latent_dim: int = 2) -> tuple[Family, Model, Tensor]:
    family, model = family_and_model("bernoulli", latent_dim=latent_dim)
    return family, model, torch.tensor([[0.4, -0.7]], dtype=torch.float64)[:, :latent_dim]


def gradients(estimator: Coupled, family: Family, model: Model, J: Any, phi: Tensor, rows: int) -> Tensor:
    """∂/∂φ of ``rows`` independent estimates, Float[Tensor, "rows P"]."""
    leaf = phi.expand(rows, -1).clone().requires_grad_()
    surrogate = estimator(family(leaf), model, J, X.expand(rows, -1)).surrogate.sum()
    return torch.autograd.grad(surrogate, leaf)[0]


def exact_gradients(family: Family, model: Model, J: Objective, phi: Tensor, beta: float) -> list[Tensor]:
    """Of the bound, in φ and in θ."""
    leaf = phi.clone().requires_grad_()
    q = family(leaf)
    over = space(family.support, phi.shape[1])
    bound = truth(q, model, J, X, over, beta=beta).bound
    return list(torch.autograd.grad(bound, [leaf, *parameters(model)]))


def on_nodes(q: Relaxable, noise: Tensor) -> Relaxable:
    """q with this noise, which it gives once."""
    give = iter((noise,))
    q.noise = lambda k: next(give)  # type: ignore[method-assign]
    return q


def legendre(n: int) -> tuple[Tensor, Tensor]:
    """Gauss-Legendre nodes and weights on [0, 1]: the eigenvalues of the Jacobi matrix."""
    i = torch.arange(1, n)
    off = i / (4 * i**2 - 1).sqrt()
    nodes, vectors = torch.linalg.eigh(torch.diag(off, 1) + torch.diag(off, -1))
    return (nodes + 1) / 2, vectors[0].square()


def quadrature(phi: Tensor, k: int, n: int) -> tuple[Tensor, Tensor]:
    """(ε, probability) over which a sum is the expectation for k draws of the bits of φ, Float[Tensor, "1 P"].

    Noise of bits is the logit of a uniform u, and everything is smooth in u but where the bit changes, at u = 1 − p:
    Gauss-Legendre on either side of it.
    """
    nodes, weights = legendre(n)
    bits = []
    for p in phi.sigmoid().flatten():
        u = torch.cat(((1 - p) * nodes, 1 - p + p * nodes))
        volume = torch.cat(((1 - p) * weights, p * weights))
        bits.append((u, volume))
    every = torch.cartesian_prod(*[torch.arange(2 * n)] * (k * len(bits))).reshape(-1, k, len(bits))
    u, volume = (torch.stack([bit[i][every[..., d]] for d, bit in enumerate(bits)], -1) for i in range(2))
    return u.logit().transpose(0, 1), volume.prod(-1).prod(-1)


GRIDS = [(1, 1, 24, 1e-9), (1, 2, 24, 1e-9), (2, 1, 24, 1e-9), (3, 1, 16, 1e-6)]  # K, D, nodes, what they leave open


@pytest.mark.parametrize("beta", [1.0, 0.3])
@pytest.mark.parametrize("J", ["elbo", "iwae"])
@pytest.mark.parametrize(("k", "latent_dim", "n", "within"), GRIDS)
@pytest.mark.parametrize("name", NAMES)
def test_its_expectation_is_the_gradient_of_the_bound(
    name: str, k: int, latent_dim: int, n: int, within: float, J: str, beta: float
) -> None:
    """By quadrature over the noise; errors relative to the gradient's length."""
    family, model, phi = parts(latent_dim)
    bound = objective(J, k, beta)
    wanted = exact_gradients(family, model, bound, phi, beta)
    noise, p = quadrature(phi, k, n)
    for keys in ({}, {"eta": -1.7, "tau": 1.0}):
        leaf = phi.clone().requires_grad_()
        q = on_nodes(family(leaf.expand(len(p), -1)), noise)
        estimator = talking(made(name, latent_dim, **keys)).eval()
        estimate = estimator(q, model, bound, X.expand(len(p), -1))
        found = torch.autograd.grad((p * estimate.surrogate).sum(), [leaf, *parameters(model)])
        for one, other in zip(found, wanted, strict=True):
            assert (one - other).norm() < within * other.norm()


@pytest.mark.parametrize("keys", [{"eta": 0.7, "tau": 0.1}, {"eta": 1.6, "tau": 3.0}, None], ids=str)
@pytest.mark.parametrize(("k", "J", "posterior"), [(2, "elbo", "categorical"), (3, "iwae", "bernoulli")])
@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_right_on_average_at_other_temperatures_and_at_learned_ones(
    name: str, k: int, J: str, posterior: str, keys: dict[str, Any] | None
) -> None:
    """Sampled, where nothing is smooth enough to integrate."""
    family, model = family_and_model(posterior, latent_dim=2)
    phi, bound, rows = torch.tensor([[0.4, -0.7]]), objective(J, k, 0.3), 50_000
    estimator = made(name, **(keys or {"eta": 0.3, "tau": 1.0, "step_factor": 1.0}))
    if keys is None:
        before = [weight.detach().clone() for weight in estimator.parameters()]
        learn(estimator, family, model, bound, phi, steps=30)
        for weight, was in zip(estimator.parameters(), before, strict=True):
            assert (weight.detach() != was).all()
    found = gradients(estimator.eval(), family, model, bound, phi, rows)
    wanted = exact_gradients(family, model, bound, phi, 0.3)[0][0]
    error = found.std(0) / rows**0.5
    assert ((found.mean(0) - wanted).abs() < 5 * error).all()
    assert error.max() < 0.02 * wanted.norm()


@pytest.mark.parametrize(
    ("k", "J", "keys", "rows"),
    [(1, "elbo", {}, 1_000), (3, "iwae", {"eta": -0.8, "tau": 1.5}, 8_000)],  # the second has more variance
    ids=str,
)
@pytest.mark.parametrize("name", NAMES)
def test_a_q_of_two_layers_has_the_gradient_of_the_bound(
    name: str, k: int, J: str, keys: dict[str, Any], rows: int
) -> None:
    """In φ and in the map between the layers, by 60 means over so many estimates each."""
    family, model = family_and_model("layered_bernoulli", latent_dim=3)
    assert family.num_layers == 2
    weights = parameters(family)
    with torch.no_grad():
        for weight in weights:
            weight.copy_(torch.randn_like(weight))
    phi, bound = torch.tensor([[0.4, -0.7]], dtype=torch.float64), objective(J, k, 0.7)
    estimator = talking(made(name, 3, **keys)).eval()
    means = []
    for _ in range(60):
        leaf = phi.clone().requires_grad_()
        surrogate = estimator(family(leaf.expand(rows, -1)), model, bound, X.expand(rows, -1)).surrogate.mean()
        means.append(torch.cat([g.flatten() for g in torch.autograd.grad(surrogate, [leaf, *weights])]))
    leaf = phi.clone().requires_grad_()
    exact = truth(family(leaf), model, bound, X, space("binary", 3), beta=0.7).bound
    wanted = torch.cat([g.flatten() for g in torch.autograd.grad(exact.sum(), [leaf, *weights])])
    found = torch.stack(means)
    error = found.std(0) / len(means) ** 0.5
    assert ((found.mean(0) - wanted).abs() < 5 * error).all()
    assert error.max() < 0.05 * wanted.norm()


@pytest.mark.parametrize("name", NAMES)
def test_two_layers_need_three_decodes_a_sample(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    family, model = family_and_model("layered_bernoulli", latent_dim=3)
    decoded = count_decoded(model, monkeypatch)
    phi = torch.zeros(1, 2, dtype=torch.float64, requires_grad=True)
    made(name, 3)(family(phi), model, objective("iwae", 4), X)
    assert sum(decoded) == made(name, 3).decodes(4, family) == 12


@pytest.mark.parametrize("fixed", ["phi", "maps"])
@pytest.mark.parametrize("name", NAMES)
def test_it_learns_from_the_layers_that_have_a_gradient(name: str, fixed: str) -> None:
    """At fixed φ, as in a step of θ of a per-point strategy, and with fixed networks between the layers."""
    family, model = family_and_model("layered_bernoulli", latent_dim=3)
    family.requires_grad_(fixed == "phi")
    phi = torch.tensor([[0.4, -0.7], [0.1, 0.2]], dtype=torch.float64, requires_grad=fixed == "maps")
    estimator = talking(made(name, 3))
    estimate = estimator(family(phi), model, objective("iwae", 3), X.expand(2, -1))
    own = torch.autograd.grad(estimate.auxiliary, parameters(estimator))
    assert all(bool((g != 0).any()) for g in own)
    moved = torch.autograd.grad(estimate.surrogate.sum(), [phi] if fixed == "maps" else parameters(family))
    assert all(bool(g.any()) for g in moved)


def learn(
    estimator: Coupled,
    family: Family,
    model: Model,
    J: Objective,
    phi: Tensor,
    *,
    steps: int,
    weights: Iterable[nn.Parameter] | None = None,
) -> None:
    """``steps`` of Adam on the auxiliary loss alone, for all of the estimator's weights or some."""
    optimizer = torch.optim.Adam(estimator.parameters() if weights is None else weights, lr=0.05)
    for _ in range(steps):
        leaf = phi.expand(100, -1).clone().requires_grad_()
        loss = estimator(family(leaf), model, J, X.expand(100, -1)).auxiliary
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@pytest.mark.parametrize("name", NAMES)
def test_theta_keeps_the_plain_gradient_of_the_samples_drawn(name: str) -> None:
    family, model, phi = parts()
    estimator, J, q = talking(made(name)), objective("iwae", 3), family(phi.requires_grad_())
    torch.manual_seed(3)
    estimate = estimator(q, model, J, X)
    torch.manual_seed(3)
    z = q.harden(q.perturb(q.noise(3)))
    plain = J(model.log_joint(X, z) - q.log_prob(z).detach())
    torch.testing.assert_close(estimate.value, plain.detach())
    theta = parameters(model)
    for one, other in zip(
        torch.autograd.grad(estimate.surrogate.sum(), theta), torch.autograd.grad(plain.sum(), theta), strict=True
    ):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("name", NAMES)
def test_the_auxiliary_loss_moves_nothing_but_the_estimator(name: str) -> None:
    family, model, phi = parts()
    estimator, leaf = talking(made(name)), phi.requires_grad_()
    estimate: Estimate = estimator(family(leaf), model, objective("elbo", 2), X)
    others = [leaf, *parameters(model)]
    assert all(g is None for g in torch.autograd.grad(estimate.auxiliary, others, allow_unused=True, retain_graph=True))
    own = torch.autograd.grad(estimate.auxiliary, parameters(estimator), retain_graph=True)
    assert all(bool((g != 0).any()) for g in own)
    # … and what moves φ and θ moves nothing of the estimator.
    own = torch.autograd.grad(estimate.surrogate.sum(), parameters(estimator), allow_unused=True)
    assert all(g is None for g in own)


@pytest.mark.parametrize("name", NAMES)
def test_it_learns_only_where_it_trains(name: str) -> None:
    family, model, phi = parts()
    estimator, J = made(name), objective("elbo", 2)
    with torch.no_grad():
        assert not estimator(family(phi), model, J, X).auxiliary.requires_grad
    assert not estimator.eval()(family(phi.requires_grad_()), model, J, X).auxiliary.requires_grad


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_two_decodes_a_sample(name: str, training: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    family, model, phi = parts()
    decoded = count_decoded(model, monkeypatch)
    made(name).train(training)(family(phi.requires_grad_()), model, objective("iwae", 5), X)
    assert sum(decoded) == made(name).decodes(5, family) == 10


@pytest.mark.parametrize("name", NAMES)
def test_what_is_learned_descends_the_squared_gradient(name: str) -> None:
    """The auxiliary loss's gradient in η and log τ is that of ‖∂surrogate/∂φ‖², by finite differences."""
    family, model, phi = parts()
    estimator, J = talking(made(name)), objective("iwae", 2)

    def square() -> float:
        torch.manual_seed(5)
        return float(gradients(estimator, family, model, J, phi, 50).square().sum(1).mean())

    torch.manual_seed(5)
    leaf = phi.expand(50, -1).clone().requires_grad_()
    auxiliary = estimator(family(leaf), model, J, X.expand(50, -1)).auxiliary
    for weight in parameters(estimator):
        (slope,) = torch.autograd.grad(auxiliary, weight, retain_graph=True)
        step = 1e-5 * torch.randn_like(weight)
        weight.data += step
        above = square()
        weight.data -= 2 * step
        below = square()
        weight.data += step
        torch.testing.assert_close((slope * step).sum(), torch.tensor((above - below) / 2), rtol=1e-4, atol=1e-11)


@pytest.mark.parametrize("name", NAMES)
def test_learning_lowers_the_variance_below_that_without_a_control_variate(name: str) -> None:
    family, model, phi = parts()
    J, estimator = objective("elbo", 1), made(name, eta=0.0, step_factor=1.0)

    def variance() -> float:
        torch.manual_seed(7)
        found = float(gradients(estimator.eval(), family, model, J, phi, 20_000).var(0).sum())
        estimator.train()
        return found

    before = variance()
    learn(estimator, family, model, J, phi, steps=150)
    assert variance() < 0.2 * before


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("tau", [0.0, -1.0])
def test_a_temperature_that_softens_nothing_is_refused(name: str, tau: float) -> None:
    with pytest.raises(UserError, match=r"estimator\.tau"):
        made(name, tau=tau)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("factor", [0.0, -1.0])
def test_a_factor_that_learns_nothing_is_refused(name: str, factor: float) -> None:
    with pytest.raises(UserError, match=r"estimator\.step_factor"):
        made(name, step_factor=factor)


@pytest.mark.parametrize("factor", [1.0, 10.0])
@pytest.mark.parametrize("name", NAMES)
def test_eta_and_log_tau_take_steps_of_the_learning_rate_times_the_factor(name: str, factor: float) -> None:
    """The first step of Adam has the length of the learning rate in every weight."""
    family, model, phi = parts()
    estimator = made(name, eta=0.8, tau=0.6, step_factor=factor)
    torch.testing.assert_close((estimator.eta, estimator.tau), (torch.tensor(0.8), torch.tensor(0.6)))
    optimizer = torch.optim.Adam(estimator.parameters(), lr=1e-3)
    estimator(family(phi.requires_grad_()), model, objective("elbo", 2), X).auxiliary.backward()
    optimizer.step()
    for moved in (estimator.eta - 0.8, estimator.tau.log() - math.log(0.6)):
        assert abs(moved.item()) == pytest.approx(factor * 1e-3, rel=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_a_run_may_choose_it_and_set_its_keys(name: str) -> None:
    overrides = ("posterior=bernoulli", f"estimator={name}", "estimator.eta=0.5", "estimator.tau=0.3")
    check(*composed(overrides), [hydra.own_directory()])
