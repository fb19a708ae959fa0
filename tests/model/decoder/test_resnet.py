"""outputs = U_1(… U_L(MLP(z))) + b."""

import pytest
import torch
from torch import Tensor

from tests.problems import node
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.model.decoder.resnet import ResNetDecoder

pytestmark = pytest.mark.usefixtures("exact")


def decoder(
    shape: tuple[int, ...] = (8, 6), outputs: int = 48, bias: Tensor | None = None, **keys: object
) -> ResNetDecoder:
    partial = make(node("model/decoder/resnet", **({"channels": [3, 5], "hidden": [7]} | keys)), {"data_shape": shape})
    return partial(input_dim=2, output_dim=outputs, output_bias=bias)


@pytest.mark.parametrize("shape", [(28, 28), (7, 5), (1, 1), (9, 4, 3)])
@pytest.mark.parametrize("channels", [[3], [2, 3, 4, 5]])
@pytest.mark.parametrize("blocks", [0, 2])
def test_any_height_and_width_come_out(shape: tuple[int, ...], channels: list[int], blocks: int) -> None:
    outputs = int(torch.tensor(shape).prod()) * 2  # two numbers for each value
    out = decoder(shape, outputs, channels=channels, blocks=blocks)(torch.randn(4, 3, 2))
    assert out.shape == (4, 3, outputs)
    assert torch.isfinite(out).all()


def test_it_is_dense_then_stages_in_rows_of_pixels() -> None:
    net, z = decoder((7, 6, 2), 84), torch.randn(3, 2)
    image = net.stages(net.dense(z).reshape(3, 5, 2, 2))
    assert image.shape == (3, 2, 7, 6)
    values = net(z).reshape(3, 7, 6, 2)
    for row, column, colour in ((0, 0, 0), (6, 5, 1), (2, 4, 1), (5, 1, 0)):
        torch.testing.assert_close(values[:, row, column, colour], image[:, colour, row, column])


def test_its_bias_is_the_one_given_for_every_output() -> None:
    bias = torch.randn(48)
    net = decoder(bias=bias)
    with torch.no_grad():
        net.stages[-1].weight.zero_()
    assert torch.equal(net(torch.randn(5, 2)), bias.expand(5, 48))


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"shape": (10,)}, r"model/decoder=resnet needs images .*, got points of shape \(10,\): use model/decoder=mlp"),
        ({"channels": []}, "channels must hold one or more sizes of at least 1, got"),
        ({"blocks": -1}, "blocks must be at least 0, got -1"),
    ],
)
def test_what_is_no_network_is_refused(keys: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        decoder(**keys)  # type: ignore[arg-type]
