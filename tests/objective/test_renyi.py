"""J(r) = (1 / (1 − α)) log (1/K) Σ_k exp((1 − α) r_k)."""

import itertools
import math

import pytest
import torch

from tests.problems import family_and_model, log_evidence, node, objective, space, truth
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.objective.renyi import Renyi

pytestmark = pytest.mark.usefixtures("exact")

X = torch.tensor([[1.0, 0.0, 1.0]], dtype=torch.float64)


def renyi(alpha: float, k: int, beta: float = 1.0) -> Renyi:
    kl_weight = node("objective/kl_weight/constant", constant=beta)
    return make(node("objective/renyi", num_samples=k, alpha=alpha, kl_weight=kl_weight), {})


def expectations(alpha: float) -> tuple[list[float], float]:
    """(E[J] at K = 1, 2, 3, log p(x)) for a q that is far from the posterior."""
    family, model = family_and_model("bernoulli", latent_dim=2)
    over = space("binary", 2)
    q = family(torch.tensor([[-1.2, 0.9]]))
    with torch.no_grad():
        bounds = [float(truth(q, model, renyi(alpha, k), X, over).bound) for k in (1, 2, 3)]
        return bounds, float(log_evidence(model, X, over))


def test_it_is_the_power_mean_of_the_weights_and_does_not_overflow() -> None:
    J = renyi(0.5, 2)
    r = torch.tensor([[0.0], [math.log(9.0)]])
    torch.testing.assert_close(J(r), torch.tensor([2 * math.log((1 + 3) / 2)]))
    torch.testing.assert_close(J(r - 4000), torch.tensor([2 * math.log(2) - 4000]))
    torch.testing.assert_close(renyi(2.0, 2)(r), torch.tensor([-math.log((1 + 1 / 9) / 2)]))


def test_at_zero_it_is_the_importance_weighted_bound() -> None:
    one, iwae, r = renyi(0.0, 4, 0.3), objective("iwae", 4, 0.3), torch.randn(4, 3)
    for method in ("forward", "credit", "score_weight", "path_weight"):
        torch.testing.assert_close(getattr(one, method)(r), getattr(iwae, method)(r))


def test_near_one_it_is_the_elbo() -> None:
    one, elbo, r = renyi(1 - 1e-7, 4), objective("elbo", 4), torch.randn(4, 3)
    for method in ("forward", "path_weight"):
        torch.testing.assert_close(getattr(one, method)(r), getattr(elbo, method)(r), rtol=0, atol=1e-5)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.9])
def test_below_one_it_rises_with_k_to_less_than_log_p(alpha: float) -> None:
    bounds, log_p = expectations(alpha)
    assert all(b > a + 1e-4 for a, b in itertools.pairwise(bounds))
    assert bounds[-1] < log_p


def test_above_one_it_falls_with_k_from_the_elbo() -> None:
    bounds, log_p = expectations(2.0)
    assert all(b < a - 1e-4 for a, b in itertools.pairwise(bounds))
    assert bounds[0] < log_p


@pytest.mark.parametrize("alpha", [-1.0, 0.3, 2.0])
@pytest.mark.parametrize("beta", [1.0, 0.3])
def test_its_path_weight_is_the_derivative_less_that_of_the_derivative(alpha: float, beta: float) -> None:
    J, r = renyi(alpha, 3, beta), torch.randn(3, 2).requires_grad_()
    (a,) = torch.autograd.grad(J(r).sum(), r, create_graph=True)
    for k in range(3):
        (own,) = torch.autograd.grad(a[k].sum(), r, retain_graph=True)
        torch.testing.assert_close(J.path_weight(r)[k], a[k] - beta * own[k])


def test_it_is_never_the_elbo() -> None:
    assert not objective("renyi", 1).is_elbo


@pytest.mark.parametrize("alpha", [1.0, math.inf, math.nan])
def test_an_order_without_a_bound_is_refused(alpha: float) -> None:
    with pytest.raises(UserError, match=r"objective\.alpha"):
        renyi(alpha, 2)
