"""h(g) = r(soften(g)) + X · network(soften(g), x): what the network adds to REBAR."""

import pytest
import torch

from tests.estimator.test_coupled import NAMES, X, gradients, learn, made, parts, talking
from tests.problems import node, objective
from vaerun.errors import UserError
from vaerun.estimator.relax import Relax
from vaerun.experiment.make import make

pytestmark = pytest.mark.usefixtures("exact")


def test_a_network_at_zero_is_rebar() -> None:
    family, model, phi = parts()
    found = []
    for name in NAMES:
        estimator = made(name)
        torch.manual_seed(2)
        found.append(gradients(estimator, family, model, objective("iwae", 2), phi, 4))
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("beta", [1.0, 0.3])
def test_the_stand_in_is_the_relaxed_reward_and_a_network_of_soft_z_and_x(beta: float) -> None:
    family, model, phi = parts()
    estimator = talking(made("relax"))
    assert isinstance(estimator, Relax)
    q, x, soft = family(phi.expand(4, -1)), torch.rand(4, 3), torch.rand(5, 4, 2)
    h = estimator.control_variate(q, model, objective("elbo", 5, beta), x, soft)
    r = model.log_likelihood(x, soft) + beta * (model.log_prior(soft) - q.log_prob(soft))
    seen = torch.cat((soft, ((x - 0.5) / 2).expand(5, -1, -1)), -1)
    torch.testing.assert_close(h - r, 3 * estimator.layers(seen).squeeze(-1))
    assert (h - r).abs().min() > 0


def test_its_network_makes_up_for_an_eta_that_is_too_small() -> None:
    """η and τ are held, so what lowers the variance is the network."""
    family, model, phi = parts()
    J, estimator = objective("elbo", 1), made("relax", eta=0.3, step_factor=1.0)
    assert isinstance(estimator, Relax)
    variances = []
    for steps in (0, 300):
        learn(estimator, family, model, J, phi, steps=steps, weights=estimator.layers.parameters())
        torch.manual_seed(7)
        variances.append(float(gradients(estimator.eval(), family, model, J, phi, 20_000).var(0).sum()))
        estimator.train()
    assert variances[1] < 0.3 * variances[0]


def test_what_makes_no_network_is_refused() -> None:
    facts = {"latent_dim": 2, "data_dim": 3, "data_mean": X[0], "data_std": 0.5}
    with pytest.raises(UserError, match="hidden"):
        make(node("estimator/relax", hidden=[0]), facts)
    with pytest.raises(UserError, match="activation"):
        make(node("estimator/relax", activation="tan"), facts)
