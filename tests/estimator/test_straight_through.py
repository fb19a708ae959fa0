"""∂z/∂φ taken to be ∂E_q[z]/∂φ: exact where the reward is linear in z, and only there."""

import pytest
import torch
from torch import Tensor

from tests.problems import all_draws, family_and_model, give, node, objective, space, truth
from vaerun.build import make
from vaerun.model.base import Model
from vaerun.posterior.base import Family

pytestmark = pytest.mark.usefixtures("exact")

X = torch.tensor([[1.0, 0.0, 1.0]], dtype=torch.float64)
PHI = [[0.4, -0.7]]


def on_average(family: Family, model: Model) -> tuple[Tensor, Tensor]:
    """(the mean gradient over all z, the bound's)."""
    leaf, exact = torch.tensor(PHI, requires_grad=True), torch.tensor(PHI, requires_grad=True)
    draws = all_draws(family(leaf), 1)
    rows = torch.zeros(len(draws.probability), dtype=torch.long)
    q = give(family(leaf[rows]), draws.method, draws.values)
    estimate = make(node("estimator/straight_through"), {})(q, model, objective("elbo", 1), X[rows])
    (found,) = torch.autograd.grad((draws.probability * estimate.surrogate).sum(), leaf)
    (wanted,) = torch.autograd.grad(
        truth(family(exact), model, objective("elbo", 1), X, space("binary", 2)).bound, exact
    )
    return found, wanted


def test_a_linear_reward_has_its_exact_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    family, model = family_and_model("bernoulli", latent_dim=2)
    slope = torch.tensor([1.3, -0.4])
    monkeypatch.setattr(model, "log_likelihood", lambda x, z: (z * slope).sum(-1) + 0 * x.sum())
    torch.testing.assert_close(*on_average(family, model))


def test_any_other_reward_is_biased() -> None:
    found, wanted = on_average(*family_and_model("bernoulli", latent_dim=2))
    assert (found - wanted).abs().max() > 0.01 * wanted.abs().max()
    assert (found * wanted).sum() > 0
