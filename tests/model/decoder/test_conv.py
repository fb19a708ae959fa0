"""outputs = T_1 h(… h(T_L h(MLP(z)))) + b."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv_transpose2d

from tests.problems import node
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.model.decoder.conv import ConvDecoder

pytestmark = pytest.mark.usefixtures("exact")


def decoder(
    shape: tuple[int, ...] = (8, 6), outputs: int = 48, bias: Tensor | None = None, **keys: object
) -> ConvDecoder:
    keys = {"channels": [3, 5], "hidden": [7], "activation": "tanh"} | keys
    partial = make(node("model/decoder/conv", **keys), {"data_shape": shape})
    return partial(input_dim=2, output_dim=outputs, output_bias=bias)


@pytest.mark.parametrize("shape", [(28, 28), (8, 8), (7, 5), (1, 1), (9, 4, 3)])
@pytest.mark.parametrize("channels", [[3], [3, 5], [2, 3, 4, 5]])
def test_any_height_and_width_come_out(shape: tuple[int, ...], channels: list[int]) -> None:
    outputs = int(torch.tensor(shape).prod()) * 2  # two numbers for each value
    net = decoder(shape, outputs, channels=channels)
    out = net(torch.randn(4, 3, 2))
    assert out.shape == (4, 3, outputs)
    gradients = torch.autograd.grad(out.square().sum(), list(net.parameters()))
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


def test_it_is_dense_then_transposed_convolutions_in_rows_of_pixels() -> None:
    """The image that torch makes, its pixels row by row, the numbers of one pixel side by side."""
    net, z = decoder((7, 6, 2), 84), torch.randn(3, 2)
    up, out = net.convolutions[1], net.convolutions[3]
    small = net.dense(z).tanh().reshape(3, 5, 2, 2)
    grown = conv_transpose2d(small, up.weight, up.bias, stride=2, padding=2, output_padding=(1, 0)).tanh()
    image = conv_transpose2d(grown, out.weight, stride=2, padding=2, output_padding=(0, 1))
    assert image.shape == (3, 2, 7, 6)
    values = net(z).reshape(3, 7, 6, 2)
    for row, column, colour in ((0, 0, 0), (6, 5, 1), (2, 4, 1), (5, 1, 0)):
        torch.testing.assert_close(values[:, row, column, colour], image[:, colour, row, column])


def test_its_bias_is_the_one_given_for_every_output() -> None:
    bias = torch.randn(48)
    net = decoder(bias=bias)
    with torch.no_grad():
        net.convolutions[-1].weight.zero_()
    assert torch.equal(net(torch.randn(5, 2)), bias.expand(5, 48))


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"shape": (10,)}, r"model/decoder=conv needs images .*, got points of shape \(10,\): use model/decoder=mlp"),
        ({"channels": []}, "channels must hold one or more sizes of at least 1, got"),
        ({"channels": [4, 0]}, "channels must hold one or more sizes of at least 1, got"),
        ({"hidden": [0]}, "every size in hidden must be at least 1"),
        ({"activation": "reluu"}, "Did you mean 'relu'"),
    ],
)
def test_what_is_no_network_is_refused(keys: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        decoder(**keys)  # type: ignore[arg-type]
