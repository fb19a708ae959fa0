"""Hamiltonian moves: reversible, volume-preserving, and what they leave invariant, against exact moments."""

import math

import pytest
import torch
from torch import Tensor

from tests.problems import linear_gaussian
from vaerun.evaluation.hmc import Hamiltonian, leapfrog
from vaerun.evaluation.transition import ChainState, metropolis
from vaerun.model.linear_gaussian import LinearGaussian

pytestmark = pytest.mark.usefixtures("exact")

W = torch.tensor([[1.0, 0.4], [-0.5, 0.8], [0.9, 0.6]])


def problem() -> tuple[LinearGaussian, Tensor]:
    model = linear_gaussian(W.double(), torch.zeros(3), 0.4)
    return model, model.sample(3)


def tempered(model: LinearGaussian, x: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    """Mean and covariance of p(z) p(x given z)^β."""
    scale = beta * (-2 * model.log_sigma()).exp().detach()
    weights = model.W.detach()
    covariance = (torch.eye(2) + scale * weights.T @ weights).inverse()
    return scale * x @ weights @ covariance, covariance


def test_the_place_knows_both_densities_and_their_gradients() -> None:
    model, x = problem()
    z = torch.randn(4, 3, 2)
    place = Hamiltonian(model=model, steps=1).state(x, z)
    torch.testing.assert_close(place.log_density(0.3), model.log_prior(z) + 0.3 * model.log_likelihood(x, z))
    mean, covariance = tempered(model, x, 0.3)
    torch.testing.assert_close(place.gradient(0.3), -(z - mean) @ covariance.inverse())
    torch.testing.assert_close(Hamiltonian(model=model, steps=1).slope(x, z, 0.3), place.gradient(0.3))
    assert all(weight.grad is None for weight in model.parameters())


@pytest.mark.parametrize("steps", [1, 2, 17])
def test_leapfrog_is_its_own_inverse_with_v_turned_round(steps: int) -> None:
    model, x = problem()
    transition = Hamiltonian(model=model, steps=steps)
    start, v = transition.state(x, torch.randn(4, 3, 2)), torch.randn(4, 3, 2)
    keys = {"beta": 0.7, "size": 0.1 + 0.1 * torch.rand(4, 3, 1), "steps": steps}
    maps = (lambda z: transition.state(x, z), lambda z: transition.slope(x, z, 0.7))
    end, v_end = leapfrog(*maps, start, v, **keys)
    assert float((end.z - start.z).abs().min()) > 1e-3
    back, v_back = leapfrog(*maps, end, -v_end, **keys)
    torch.testing.assert_close(back.z, start.z, rtol=0, atol=1e-12)
    torch.testing.assert_close(-v_back, v, rtol=0, atol=1e-12)


def test_leapfrog_keeps_volume_and_its_energy_error_is_of_second_order() -> None:
    model, x = problem()
    transition = Hamiltonian(model=model, steps=5)
    z, v = torch.randn(2), torch.randn(2)

    def flow(state: Tensor, size: float = 0.2, steps: int = 5) -> Tensor:
        place = transition.state(x[:1], state[:2].reshape(1, 1, 2))
        end, v_end = leapfrog(
            lambda z: transition.state(x[:1], z),
            lambda z: transition.slope(x[:1], z, 1.0),
            place,
            state[2:].reshape(1, 1, 2),
            beta=1.0,
            size=torch.full((1, 1, 1), size),
            steps=steps,
        )
        return torch.cat((end.z, v_end), -1).flatten()

    def energy(state: Tensor) -> float:
        place = transition.state(x[:1], state[:2].reshape(1, 1, 2))
        return float(0.5 * state[2:].square().sum() - place.log_density(1.0).sum())

    state = torch.cat((z, v))
    step = 1e-5 * torch.eye(4)
    jacobian = torch.stack([(flow(state + h) - flow(state - h)) / 2e-5 for h in step], 1)  # exact: the flow is affine
    assert float(torch.linalg.det(jacobian)) == pytest.approx(1, abs=1e-8)
    errors = [abs(energy(flow(state, size, round(0.4 / size))) - energy(state)) for size in (0.02, 0.01, 0.005)]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("size", [0.15, 0.55])
def test_a_tempered_posterior_is_left_as_it_is(beta: float, size: float) -> None:
    """Exact draws before are exact draws after: first and second moments, at a step that is often refused, too."""
    model, x = problem()
    C = 20_000
    mean, covariance = tempered(model, x, beta)
    factor = torch.linalg.cholesky(covariance)
    transition = Hamiltonian(model=model, steps=3)
    place = transition.state(x, mean + torch.randn(C, 3, 2) @ factor.T)
    rates = []
    for _ in range(3):
        place, probability = transition.move(x, place, beta, torch.full((3,), size))
        rates.append(float(probability.mean()))
    assert min(rates) > 0.2
    if beta == 1 and size == 0.55:
        assert max(rates) < 0.9  # else a kernel that accepts all would pass
    white = torch.linalg.solve_triangular(factor, (place.z - mean).unsqueeze(-1), upper=False).squeeze(-1)
    assert float(white.mean(0).abs().max()) * math.sqrt(C) < 4
    assert float((white.square().mean(0) - 1).abs().max()) * math.sqrt(C / 2) < 4
    assert float(white.prod(-1).mean(0).abs().max()) * math.sqrt(C) < 4
    torch.testing.assert_close(place.log_density(1.0), model.log_joint(x, place.z).detach())


def test_detailed_balance_between_the_halves_of_a_line() -> None:
    """P(z < 0, z′ > a) = P(z > a, z′ < 0) from exact draws: what invariance alone does not give."""
    model, x = problem()
    C = 40_000
    mean, covariance = tempered(model, x, 1.0)
    place = Hamiltonian(model=model, steps=2).state(
        x, mean + torch.randn(C, 3, 2) @ torch.linalg.cholesky(covariance).T
    )
    after, _ = Hamiltonian(model=model, steps=2).move(x, place, 1.0, torch.full((3,), 0.45))
    low, high = mean[:, 0], mean[:, 0] + 0.5 * covariance[0, 0].sqrt()
    there = ((place.z[..., 0] < low) & (after.z[..., 0] > high)).double()
    back = ((place.z[..., 0] > high) & (after.z[..., 0] < low)).double()
    difference = there - back
    assert float(there.mean()) > 0.03
    assert float((difference.mean(0) / difference.std(0)).abs().max()) * math.sqrt(C) < 4


def test_what_is_no_number_is_refused() -> None:
    z = torch.zeros(1, 4, 1)
    here = ChainState(z, torch.zeros(1, 4), torch.zeros(1, 4), z, z)
    there = ChainState(z + 1, torch.ones(1, 4), torch.ones(1, 4), z, z)
    ratio = torch.tensor([[math.nan, -math.inf, math.inf, 0.0]])
    place, probability = metropolis(here, there, ratio)
    assert probability.tolist() == [[0, 0, 1, 1]]
    assert place.z.flatten().tolist() == [0, 0, 1, 1]
    assert place.log_prior.tolist() == [[0, 0, 1, 1]]
