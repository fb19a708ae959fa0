"""∇ J(r(z̃)): the exact gradient of a relaxed objective, which is another one."""

import itertools

import pytest
import torch
from torch import Tensor

from tests.problems import count_decoded, family_and_model, give, node, objective, parameters, space, truth
from vaerun.errors import UserError
from vaerun.estimator.concrete import Concrete
from vaerun.experiment.make import make
from vaerun.schedule.linear import Linear

pytestmark = pytest.mark.usefixtures("exact")

X = torch.tensor([[1.0, 0.0, 1.0]], dtype=torch.float64)


def concrete(temperature: float) -> Concrete:
    constant = node("estimator/temperature/constant", constant=temperature)
    return make(node("estimator/concrete", temperature=constant), {})


def on_average(temperature: float, phi: Tensor, name: str, k: int, levels: int) -> tuple[Tensor, Tensor]:
    """(mean gradient, the bound's) in the logit of one bit; the noise on a grid of its quantiles."""
    family, model = family_and_model("bernoulli", latent_dim=1)
    J = objective(name, k, 0.7)
    axis = ((torch.arange(levels) + 0.5) / levels).logit()
    noise = torch.cartesian_prod(*[axis] * k).reshape(-1, k).T.unsqueeze(-1)
    leaf = phi.expand(noise.shape[1], 1).clone().requires_grad_()
    estimate = concrete(temperature)(give(family(leaf), "noise", noise), model, J, X.expand(len(leaf), -1))
    (gradient,) = torch.autograd.grad(estimate.surrogate.sum(), leaf)
    exact = phi.clone().requires_grad_()
    (wanted,) = torch.autograd.grad(truth(family(exact), model, J, X, space("binary", 1), beta=0.7).bound, exact)
    return gradient.mean(), wanted.squeeze()


@pytest.mark.parametrize(("name", "k", "levels", "left"), [("elbo", 1, 20_000, 2e-3), ("iwae", 2, 400, 0.02)])
def test_its_bias_vanishes_with_the_temperature(name: str, k: int, levels: int, left: float) -> None:
    errors = []
    for temperature in (1.0, 0.1, 0.03):
        torch.manual_seed(2)
        found, wanted = on_average(temperature, torch.tensor([[0.4]]), name, k, levels)
        errors.append(float((found - wanted).abs() / wanted.abs()))
    assert errors[0] > 0.03
    assert all(b < a for a, b in itertools.pairwise(errors))
    assert errors[-1] < left


@pytest.mark.parametrize("posterior", ["bernoulli", "categorical"])
def test_the_figures_are_of_the_hard_samples_and_what_is_trained_is_named(
    posterior: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    family, model = family_and_model(posterior, latent_dim=2)
    q, J, beta = family(torch.tensor([[0.4, -0.7]], requires_grad=True)), objective("iwae", 3, 0.3), 0.3
    estimator = concrete(0.6)
    decoded = count_decoded(model, monkeypatch)
    torch.manual_seed(3)
    estimate = estimator(q, model, J, X)
    assert sum(decoded) == estimator.decodes(3, family) == 6
    torch.manual_seed(3)
    g = q.perturb(q.noise(3))
    z, soft = q.harden(g), q.soften(g, 0.6)
    hard, relaxed = (J(model.log_likelihood(X, at) + beta * (model.log_prior(at) - q.log_prob(at))) for at in (z, soft))
    torch.testing.assert_close(estimate.value, hard.detach())
    torch.testing.assert_close(estimate.log_likelihood, model.log_likelihood(X, z).mean(0).detach())
    torch.testing.assert_close(estimate.kl, (q.log_prob(z) - model.log_prior(z)).mean(0).detach())
    torch.testing.assert_close(estimate.surrogate, relaxed)
    torch.testing.assert_close(estimate.diagnostics["relaxed_objective"], relaxed.detach())
    assert not torch.allclose(relaxed, estimate.value)
    leaves = [q.logits, *parameters(model)]
    pairs = [torch.autograd.grad(t.sum(), leaves, retain_graph=True) for t in (estimate.surrogate, relaxed)]
    for one, other in zip(*pairs, strict=True):
        torch.testing.assert_close(one, other)


def test_its_second_derivatives_are_those_of_what_it_trains() -> None:
    family, model = family_and_model("bernoulli", latent_dim=2)
    noise, estimator = family(torch.zeros(1, 2)).noise(2), concrete(0.7)

    def surrogate(phi: Tensor) -> Tensor:
        return estimator(give(family(phi), "noise", noise), model, objective("iwae", 2), X).surrogate

    assert estimator.twice_differentiable
    assert torch.autograd.gradgradcheck(surrogate, torch.tensor([[0.4, -0.7]], requires_grad=True))


def test_a_temperature_of_zero_at_either_end_is_refused() -> None:
    for make_it in (
        lambda: concrete(0.0),
        lambda: Concrete(Linear(start=1.0, end=0.0)),
        lambda: Concrete(Linear(start=0.0, end=1.0)),
    ):
        with pytest.raises(UserError, match=r"estimator\.temperature"):
            make_it()
    concrete(0.01)
    Concrete(make(node("estimator/temperature/exponential", rate=0.0), {}))
