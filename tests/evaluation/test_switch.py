"""Switches of discrete z: the proposal is symmetric, and the exact posterior is left as it is."""

import math

import pytest
import torch

from tests.problems import bernoulli_space, family_and_model, log_evidence, space
from vaerun.evaluation.switch import Switch, switched

pytestmark = pytest.mark.usefixtures("exact")


@pytest.mark.parametrize("block", [1, 2, 3])
def test_one_variable_changes_to_each_other_value_alike(block: int) -> None:
    C, variables = 30_000, 2
    values = torch.tensor([[0.0], [1.0]]) if block == 1 else torch.eye(block)
    z = torch.stack((values[0], values[-1])).flatten().expand(C, 1, -1)
    after = switched(z, block).unflatten(-1, (variables, block))[:, 0]
    changed = (after != z[:, 0].unflatten(-1, (variables, block))).any(-1)
    assert (changed.sum(-1) == 1).all()
    if block > 1:
        assert (after.sum(-1) == 1).all()
    others = max(1, block - 1)
    states, counts = after.flatten(1).unique(dim=0, return_counts=True)
    expected = C / (variables * others)
    assert len(states) == variables * others
    assert float((counts - expected).abs().max()) < 4 * math.sqrt(expected)


@pytest.mark.parametrize("posterior", ["bernoulli", "categorical"])
@pytest.mark.parametrize("beta", [0.4, 1.0])
def test_a_tempered_posterior_is_left_as_it_is(posterior: str, beta: float) -> None:
    family, model = family_and_model(posterior, latent_dim=4)
    over = space(family.support, 4)
    C, x = 40_000, bernoulli_space(3)[[5]]
    with torch.no_grad():
        log_p = (beta * model.log_likelihood(x, over.z) + model.log_prior(over.z))[:, 0]
        p = log_p.softmax(0)
        transition = Switch(model=model, steps=3)
        z = over.z[torch.multinomial(p, C, replacement=True)]
        place = transition.state(x, z)
        place, rate = transition.move(x, place, beta, torch.ones(1))
    assert 0.05 < float(rate.mean()) < 0.98
    moved = (place.z != z).any(-1).double().mean()
    assert float(moved) > 0.05
    found = (place.z == over.z.transpose(0, 1)).all(-1).double().mean(0)
    assert float(((found - p) / (p * (1 - p) / C).sqrt()).abs().max()) < 4
    torch.testing.assert_close(place.log_density(1.0), model.log_joint(x, place.z).detach())
    assert float(found.sum()) == pytest.approx(1)
    assert log_evidence(model, x, over).isfinite().all()
