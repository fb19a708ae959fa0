"""MuProp: exact in expectation for any value of the formulas at the mean, and without variance where r is linear."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.problems import all_draws, family_and_model, give, node, objective, parameters, space, truth
from vaerun.estimator.muprop import MuProp
from vaerun.experiment.make import make
from vaerun.model.base import Model

pytestmark = pytest.mark.usefixtures("exact")


def muprop() -> MuProp:
    return make(node("estimator/muprop"), {})


def point() -> Tensor:
    return torch.tensor([[1.0, 0.0, 1.0]])


def every_gradient(model: Model, k: int, phi: Tensor, *, beta: float = 1.0) -> tuple[Tensor, Tensor]:
    """(the gradient in φ of every draw of k samples Float[Tensor, "T D"], its probability Float[Tensor, "T"])."""
    family, _ = family_and_model("bernoulli", latent_dim=phi.shape[1])
    draws = all_draws(family(phi), k)
    leaf = phi.expand(len(draws.probability), -1).clone().requires_grad_()
    q = give(family(leaf), draws.method, draws.values)
    estimate = muprop()(q, model, objective("elbo", k, beta), point().expand(len(leaf), -1))
    return torch.autograd.grad(estimate.surrogate.sum(), leaf)[0], draws.probability


@pytest.mark.parametrize("beta", [1.0, 0.3])
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("nonsense", [0, 50])
def test_it_is_exact_in_expectation_even_if_nonsense_is_said_at_the_mean(
    k: int, beta: float, nonsense: int, monkeypatch: Any
) -> None:
    family, model = family_and_model("bernoulli", latent_dim=2)
    phi = torch.tensor([[0.4, -0.9]], requires_grad=True)
    answer = truth(family(phi), model, objective("elbo", 1), point(), space("binary", 2), beta=beta)
    (wanted,) = torch.autograd.grad(answer.bound, phi)
    assert wanted.abs().min() > 1e-3
    inner = model.log_likelihood
    monkeypatch.setattr(model, "log_likelihood", lambda x, z: inner(x, z) + nonsense * (z * (1 - z)).sum(-1))
    gradient, p = every_gradient(model, k, phi.detach(), beta=beta)
    torch.testing.assert_close((p.unsqueeze(1) * gradient).sum(0), wanted[0], rtol=0, atol=1e-11)


def test_where_the_reward_is_linear_every_draw_gives_the_exact_gradient(monkeypatch: Any) -> None:
    """Priors and q of independent bits are linear in z already; the score function has variance here all the same."""
    family, model = family_and_model("bernoulli", latent_dim=2)
    monkeypatch.setattr(model, "log_likelihood", lambda x, z: z @ torch.tensor([3.0, -2.0]) - 40)
    phi = torch.tensor([[0.4, -0.9]], requires_grad=True)
    answer = truth(family(phi), model, objective("elbo", 1), point(), space("binary", 2))
    (wanted,) = torch.autograd.grad(answer.bound, phi)
    gradient, _ = every_gradient(model, 2, phi.detach())
    torch.testing.assert_close(gradient, wanted.expand_as(gradient), rtol=0, atol=1e-11)


def test_theta_sees_the_samples_and_not_the_mean() -> None:
    family, model = family_and_model("bernoulli", latent_dim=2)
    phi, z = torch.tensor([[0.4, -0.9]]), torch.tensor([[[1.0, 0.0]], [[0.0, 0.0]]])
    found, plain = (
        make(node(f"estimator/{name}", nested), {})(
            give(family(phi), "sample", z), model, objective("elbo", 2, 0.3), point()
        )
        for name, nested in (("muprop", {}), ("score", {"baseline": "none"}))
    )
    weights = parameters(model)
    for a, b in zip(
        torch.autograd.grad(found.surrogate.sum(), weights),
        torch.autograd.grad(plain.surrogate.sum(), weights),
        strict=True,
    ):
        torch.testing.assert_close(a, b)
    for field in ("value", "log_likelihood", "kl"):
        torch.testing.assert_close(getattr(found, field), getattr(plain, field))


def test_the_mean_is_decoded_too() -> None:
    assert muprop().decodes(5, family_and_model("bernoulli", latent_dim=2)[0]) == 6
