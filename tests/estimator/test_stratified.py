"""Σ_m π_m E_{q_m}[r] with q the whole mixture, integrated over the noise of every component."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from tests.problems import count_decoded, family_and_model, give, node, objective, parameters, space, truth
from vaerun.bound.bound import Bound
from vaerun.errors import UserError
from vaerun.estimator.stratified import StratifiedReparam
from vaerun.experiment.make import make
from vaerun.posterior.base import Family, Reparameterized, Stratified
from vaerun.posterior.gaussian import DiagonalGaussian

pytestmark = pytest.mark.usefixtures("exact")


class Two(Stratified):
    """π_1 N(μ_1, σ_1²) + π_2 N(μ_2, σ_2²), φ = (logit of π_1, μ_1, log σ_1, μ_2, log σ_2)."""

    def __init__(self, phi: Tensor) -> None:
        self.logit = phi[:, 0]
        self.components = [DiagonalGaussian(phi[:, [i]], phi[:, [i + 1]]) for i in (1, 3)]

    def weights(self) -> Tensor:
        return torch.stack((self.logit.sigmoid(), (-self.logit).sigmoid()))

    def strata(self) -> Sequence[Reparameterized]:
        return self.components

    def log_prob(self, z: Tensor) -> Tensor:
        inner = torch.stack([component.log_prob(z) for component in self.components])
        return (inner + self.weights().log().unsqueeze(1)).logsumexp(0)

    def sample(self, k: int) -> Tensor:
        first, second = (component.sample(k) for component in self.components)
        return torch.where((torch.rand(k, len(self.logit)) < self.logit.sigmoid()).unsqueeze(-1), first, second)


class TwoGaussians(Family):
    posterior: ClassVar = Two
    support: ClassVar[str] = "real"

    @property
    def num_parameters(self) -> int:
        return 5

    def initial(self) -> Tensor:
        return torch.tensor([0.0, -0.5, 0.0, 0.5, 0.0])

    def forward(self, phi: Tensor) -> Two:
        return Two(phi)


def stratified() -> StratifiedReparam:
    return make(node("estimator/stratified"), {})


def at() -> Tensor:
    return torch.tensor([[0.7, -0.9, -0.2, 1.1, 0.3]])


def point() -> Tensor:
    return torch.tensor([[1.0, 0.0, 1.0]])


@pytest.mark.parametrize("beta", [1.0, 0.3])
@pytest.mark.parametrize("k", [1, 2])
def test_gradients_and_figures_are_exact_in_expectation(k: int, beta: float) -> None:
    """The estimate is a sum over components and samples, so one grid of noise may serve all of them at once."""
    _, model = family_and_model("gaussian", latent_dim=1)
    phi = at().requires_grad_()
    cell = 0.05
    grid = torch.arange(-8, 8 + cell / 2, cell)
    p = cell * (-0.5 * grid.square()).exp() / math.sqrt(2 * math.pi)
    q = Two(phi.expand(len(grid), -1))
    for stratum in q.strata():
        give(stratum, "noise", grid.reshape(1, -1, 1).expand(k, -1, -1))
    estimate = stratified()(q, model, objective("elbo", k, beta), point().expand(len(grid), -1))
    answer = truth(Two(phi), model, objective("elbo", 1), point(), space("real", 1), beta=beta)
    weights = [phi, *parameters(model)]
    found = torch.autograd.grad((p * estimate.surrogate).sum(), weights)
    for a, b in zip(found, torch.autograd.grad(answer.bound, weights), strict=True):
        assert b.abs().max() > 1e-3
        torch.testing.assert_close(a, b, rtol=0, atol=1e-9)
    for value, wanted in zip((estimate.value, estimate.log_likelihood, estimate.kl), answer, strict=True):
        torch.testing.assert_close((p * value).sum(), wanted.detach(), rtol=0, atol=1e-9)
        assert not value.requires_grad


def test_its_samples_are_the_components_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """With components far apart and one of them sure, the bound is that of the sure one."""
    _, model = family_and_model("gaussian", latent_dim=1)
    noise = torch.randn(3, 1, 1)
    values = []
    for logit in (40.0, -40.0):
        q = Two(torch.tensor([[logit, -0.9, -0.2, 1.1, 0.3]]))
        for stratum in q.strata():
            give(stratum, "noise", noise)
        values.append(stratified()(q, model, objective("elbo", 3), point()).value)
    for value, q_m in zip(values, Two(at()).strata(), strict=True):
        alone = make(node("estimator/reparam"), {})(give(q_m, "noise", noise), model, objective("elbo", 3), point())
        torch.testing.assert_close(value, alone.value)


def test_k_of_every_component_are_decoded(monkeypatch: Any) -> None:
    family, (_, model) = TwoGaussians(latent_dim=1), family_and_model("gaussian", latent_dim=1)
    assert stratified().decodes(3, family) == 6
    bound = Bound(model=model, family=family, objective=objective("elbo", 3), estimator=stratified())
    decoded = count_decoded(model, monkeypatch)
    bound(point().expand(4, -1), at().expand(4, -1))
    assert sum(decoded) == 4 * bound.decodes


def test_a_posterior_without_strata_is_refused() -> None:
    family, model = family_and_model("gaussian", latent_dim=1)
    with pytest.raises(UserError, match="Stratified"):
        Bound(model=model, family=family, objective=objective("elbo", 3), estimator=stratified())
