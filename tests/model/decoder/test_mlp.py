"""outputs = A_L h(… h(A_1 z + b_1)) + b_L."""

import pytest
import torch
from torch import Tensor

from tests.problems import node
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.model.decoder.mlp import MLPDecoder

pytestmark = pytest.mark.usefixtures("exact")


def decoder(output_bias: Tensor | None = None, **keys: object) -> MLPDecoder:
    return make(node("model/decoder/mlp", **keys), {})(input_dim=2, output_dim=3, output_bias=output_bias)


def test_it_is_affine_activation_affine() -> None:
    net = decoder(hidden=[5], activation="tanh")
    first, _, last = net.layers
    z = torch.randn(4, 7, 2)
    torch.testing.assert_close(net(z), (z @ first.weight.T + first.bias).tanh() @ last.weight.T + last.bias)


def test_its_last_bias_is_the_one_given() -> None:
    bias = torch.tensor([1.0, -2.0, 3.0])
    assert torch.equal(decoder(bias, hidden=[5]).layers[-1].bias, bias)


@pytest.mark.parametrize("keys", [{"activation": "reluu"}, {"hidden": [4, 0]}])
def test_what_is_no_network_is_refused(keys: dict[str, object]) -> None:
    with pytest.raises(
        UserError,
        match="reluu.*Did you mean 'relu'" if "activation" in keys else "every size in hidden must be at least 1",
    ):
        decoder(**keys)
