"""A multilayer perceptron on φ and the logarithm of its gradient."""

import pytest
import torch

from tests.problems import node
from vaerun.experiment.make import make
from vaerun.strategy.refiner.mlp import MLPRefiner

pytestmark = pytest.mark.usefixtures("exact")


def refiner(**keys: object) -> MLPRefiner:
    return make(node("strategy/refiner/mlp", **keys), {"num_parameters": 3, "initial": torch.tensor([0.0, 1.0, -1.0])})


def test_at_the_initial_phi_without_gradient_nothing_moves() -> None:
    made = refiner(hidden=[])
    assert torch.equal(made(made.initial.expand(2, -1), torch.zeros(2, 3)), torch.zeros(2, 3))


def test_it_sees_the_sign_and_the_logarithm_of_the_gradient() -> None:
    made = refiner(hidden=[])
    gradient = torch.tensor([[-1e6, 0.0, 3.0]])
    seen = torch.tensor([[-torch.log1p(torch.tensor(1e6)), 0.0, torch.tensor(4.0).log()]])
    (layer,) = made.layers
    torch.testing.assert_close(made(made.initial.unsqueeze(0), gradient), seen @ layer.weight[:, 3:].T)
