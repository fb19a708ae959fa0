"""∂z/∂φ taken to be ∂E_q[z]/∂φ: exact where the reward is linear in z, and only there."""

import pytest
import torch
from torch import Tensor

from tests.problems import all_draws, family_and_model, give, node, objective, parameters, space, truth
from vaerun.experiment.make import make
from vaerun.model.base import Model
from vaerun.objective.base import Objective
from vaerun.posterior.base import Family

pytestmark = pytest.mark.usefixtures("exact")

X = torch.tensor([[1.0, 0.0, 1.0]], dtype=torch.float64)
PHI = [[0.4, -0.7]]
SETTINGS = [("elbo", 1, 1.0), ("elbo", 2, 0.3), ("iwae", 1, 0.3), ("iwae", 2, 1.0), ("iwae", 3, 0.3)]


def on_average(family: Family, model: Model, J: Objective, beta: float) -> tuple[Tensor, Tensor]:
    """(the mean gradient over all draws, the bound's)."""
    leaf, exact = torch.tensor(PHI, requires_grad=True), torch.tensor(PHI, requires_grad=True)
    draws = all_draws(family(leaf), J.num_samples)
    rows = torch.zeros(len(draws.probability), dtype=torch.long)
    q = give(family(leaf[rows]), draws.method, draws.values)
    estimate = make(node("estimator/straight_through"), {})(q, model, J, X[rows])
    (found,) = torch.autograd.grad((draws.probability * estimate.surrogate).sum(), leaf)
    over = space(family.support, family.latent_dim)
    (wanted,) = torch.autograd.grad(truth(family(exact), model, J, X, over, beta=beta).bound, exact)
    return found, wanted


@pytest.mark.parametrize(("name", "k", "beta"), SETTINGS[:3])
def test_a_linear_reward_has_its_exact_gradient(
    name: str, k: int, beta: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    family, model = family_and_model("bernoulli", latent_dim=2)
    slope = torch.tensor([1.3, -0.4])
    monkeypatch.setattr(model, "log_likelihood", lambda x, z: (z * slope).sum(-1) + 0 * x.sum())
    torch.testing.assert_close(*on_average(family, model, objective(name, k, beta), beta))


@pytest.mark.parametrize(("name", "k", "beta"), SETTINGS)
@pytest.mark.parametrize("posterior", ["bernoulli", "categorical"])
def test_any_other_reward_is_biased(posterior: str, name: str, k: int, beta: float) -> None:
    found, wanted = on_average(*family_and_model(posterior, latent_dim=2), objective(name, k, beta), beta)
    assert (found - wanted).abs().max() > 0.01 * wanted.abs().max()
    assert (found * wanted).sum() > 0


@pytest.mark.parametrize(("name", "k", "beta"), SETTINGS)
def test_every_draw_is_the_bound_differentiated_as_if_z_were_its_mean(name: str, k: int, beta: float) -> None:
    """Path and direct derivative, on the ELBO without the part whose mean is zero; θ keeps the plain gradient."""
    family, model = family_and_model("bernoulli", latent_dim=2)
    J, phi = objective(name, k, beta), torch.tensor(PHI, requires_grad=True)
    q, leaves = family(phi), [phi, *parameters(model)]
    hard = q.sample(k)
    estimate = make(node("estimator/straight_through"), {})(give(q, "sample", hard), model, J, X)
    z = hard + phi.sigmoid() - phi.sigmoid().detach()
    whole = J(model.log_likelihood(X, z) + beta * (model.log_prior(z) - q.log_prob(z)))
    if name == "elbo":
        whole = whole + beta * q.log_prob(hard).mean(0)
    pairs = [torch.autograd.grad(t.sum(), leaves, retain_graph=True) for t in (estimate.surrogate, whole)]
    for one, other in zip(*pairs, strict=True):
        torch.testing.assert_close(one, other)
    plain = J(model.log_likelihood(X, hard) + beta * (model.log_prior(hard) - q.log_prob(hard)))
    torch.testing.assert_close(estimate.value, plain.detach())
