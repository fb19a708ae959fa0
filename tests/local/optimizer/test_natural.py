"""The natural gradient: exact without noise, free of scale, and with a step that shrinks as 1/t under noise."""

import pytest
import torch

from tests.problems import node
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.local.optimizer.natural import LocalNatural

pytestmark = pytest.mark.usefixtures("exact")


def natural(**keys: float) -> LocalNatural:
    return make(node("local/optimizer/natural", **keys), {})


@pytest.mark.parametrize("width", [1e-3, 1.0, 50.0])
def test_a_path_in_units_of_the_width_does_not_depend_on_the_width(width: float) -> None:
    optimizer, noise = natural(), torch.randn(40, 3, 2)
    ends = []
    for scale in (torch.ones(3, 2), torch.full((3, 2), width)):
        phi, state = torch.zeros(3, 2), optimizer.init(torch.zeros(3, 2))
        for draw in noise:
            gradient = (3.0 - phi / scale + draw) / scale  # of −½ (φ / scale − 3)², with noise
            step, state = optimizer.update(gradient, state, scale)
            phi = phi + step
        ends.append(phi / scale)
    torch.testing.assert_close(ends[0], ends[1])
    assert (ends[0] - 3).abs().max() < 1.5


def test_a_constant_gradient_is_followed_with_the_whole_natural_step() -> None:
    optimizer, gradient, scale = natural(max_step=100.0), torch.tensor([[0.5, -2.0]]), torch.tensor([[0.1, 3.0]])
    state = optimizer.init(gradient)
    for _ in range(200):
        step, state = optimizer.update(gradient, state, scale)
    torch.testing.assert_close(step, scale.square() * gradient)


def test_pure_noise_shortens_the_step_to_one_over_twice_the_memory() -> None:
    optimizer, scale = natural(memory=50), torch.ones(2000, 4)
    state = optimizer.init(scale)
    for _ in range(300):
        gradient = torch.randn(2000, 4)
        step, state = optimizer.update(gradient, state, scale)
    rate = (step / gradient).median()
    assert 0.5 / 50 * 0.6 < float(rate) < 0.5 / 50 * 1.5
    assert float(state.memory.median()) > 40


def test_no_coordinate_moves_further_than_its_longest_step() -> None:
    optimizer, scale = natural(max_step=0.5), torch.tensor([[2.0, 0.1]])
    state = optimizer.init(scale)
    for _ in range(50):
        step, state = optimizer.update(torch.tensor([[1e6, -1e6]]), state, scale)
    torch.testing.assert_close(step, torch.tensor([[1.0, -0.05]]))


def test_a_gradient_of_zero_is_no_step() -> None:
    optimizer, zero = natural(), torch.zeros(2, 3)
    step, _ = optimizer.update(zero, optimizer.init(zero), torch.ones(2, 3))
    assert torch.equal(step, zero)


@pytest.mark.parametrize(("key", "value"), [("max_step", 0.0), ("memory", 4.0)])
def test_a_value_out_of_range_is_refused(key: str, value: float) -> None:
    with pytest.raises(UserError, match=key):
        natural(**{key: value})
