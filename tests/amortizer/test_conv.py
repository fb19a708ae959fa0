"""f_λ(x) = MLP(h(C_L … h(C_1 (x − x̄)/4s)))."""

from typing import Any

import pytest
import torch
from torch.nn.functional import conv2d

from tests.problems import node
from vaerun.amortizer.conv import ConvAmortizer
from vaerun.errors import UserError
from vaerun.experiment.make import make

pytestmark = pytest.mark.usefixtures("exact")

INITIAL = (0.5, -0.5)


def amortizer(shape: tuple[int, ...] = (8, 6), mean: float = 0.3, std: float = 2.0, **keys: Any) -> ConvAmortizer:
    facts = {
        "data_shape": shape,
        "num_parameters": 2,
        "data_mean": torch.full((int(torch.tensor(shape).prod()),), mean),
        "data_std": std,
        "initial": torch.tensor(INITIAL),
    }
    torch.manual_seed(0)
    return make(node("amortizer/conv", **({"channels": [3, 5], "hidden": [7], "activation": "tanh"} | keys)), facts)


@pytest.mark.parametrize("shape", [(28, 28), (8, 8), (7, 5), (1, 1), (9, 4, 3)])
@pytest.mark.parametrize("channels", [[3], [3, 5], [2, 3, 4, 5]])
def test_any_height_and_width_go_in(shape: tuple[int, ...], channels: list[int]) -> None:
    net = amortizer(shape, channels=channels)
    phi = net(torch.randn(4, int(torch.tensor(shape).prod())))
    assert phi.shape == (4, 2)
    gradients = torch.autograd.grad(phi.square().sum(), list(net.parameters()))
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


def test_it_is_convolutions_of_the_image_then_dense() -> None:
    net, image = amortizer((7, 6, 2)), torch.randn(3, 7, 6, 2)
    first, second = net.convolutions[0], net.convolutions[2]
    standardised = ((image - 0.3) / 8).permute(0, 3, 1, 2)
    smaller = conv2d(standardised, first.weight, first.bias, stride=2, padding=2).tanh()
    smallest = conv2d(smaller, second.weight, second.bias, stride=2, padding=2).tanh()
    assert smallest.shape == (3, 5, 2, 2)
    torch.testing.assert_close(net(image.flatten(1)), net.dense(smallest.flatten(1)))


def test_it_starts_at_the_familys_initial_phi() -> None:
    net = amortizer()
    with torch.no_grad():
        net.dense[-1].weight.zero_()
    assert torch.equal(net(torch.randn(4, 48)), torch.tensor(INITIAL).expand(4, 2))


def test_the_datas_unit_and_origin_do_not_matter() -> None:
    x = torch.randn(6, 48)
    torch.testing.assert_close(amortizer(mean=10.0)(10 + 2 * x), amortizer(mean=0.0, std=50.0)(50 * x))


def test_vectors_are_refused() -> None:
    with pytest.raises(
        UserError, match=r"amortizer=conv needs images .*, got points of shape \(10,\): use amortizer=mlp"
    ):
        amortizer((10,))
