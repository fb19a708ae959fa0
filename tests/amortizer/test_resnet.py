"""f_λ(x) = MLP(R_L(… R_1((x − x̄)/4s)))."""

from typing import Any

import pytest
import torch

from tests.problems import node
from vaerun.amortizer.resnet import ResNetAmortizer
from vaerun.errors import UserError
from vaerun.experiment.make import make

pytestmark = pytest.mark.usefixtures("exact")

INITIAL = (0.5, -0.5)


def amortizer(shape: tuple[int, ...] = (8, 6), mean: float = 0.3, std: float = 2.0, **keys: Any) -> ResNetAmortizer:
    facts = {
        "data_shape": shape,
        "num_parameters": 2,
        "data_mean": torch.full((int(torch.tensor(shape).prod()),), mean),
        "data_std": std,
        "initial": torch.tensor(INITIAL),
    }
    facts |= {key: keys.pop(key) for key in ("given_dim", "missing") if key in keys}
    torch.manual_seed(0)
    return make(node("amortizer/resnet", **({"channels": [3, 5], "hidden": [7]} | keys)), facts)


@pytest.mark.parametrize("shape", [(28, 28), (7, 5), (1, 1), (9, 4, 3)])
@pytest.mark.parametrize("channels", [[3], [2, 3, 4, 5]])
@pytest.mark.parametrize("blocks", [0, 2])
def test_any_height_and_width_go_in(shape: tuple[int, ...], channels: list[int], blocks: int) -> None:
    net = amortizer(shape, channels=channels, blocks=blocks)
    phi = net(torch.randn(4, int(torch.tensor(shape).prod())))
    assert phi.shape == (4, 2)
    assert torch.isfinite(phi).all()


def test_it_is_stages_of_the_standardised_image_then_dense() -> None:
    net, image = amortizer((7, 6, 2)), torch.randn(3, 7, 6, 2)
    seen = net.stages(((image - 0.3) / 8).permute(0, 3, 1, 2))
    assert seen.shape == (3, 5, 2, 2)
    torch.testing.assert_close(net(image.flatten(1)), net.dense(seen.flatten(1)))


def test_it_starts_at_the_familys_initial_phi() -> None:
    net = amortizer()
    with torch.no_grad():
        net.dense[-1].weight.zero_()
    assert torch.equal(net(torch.randn(4, 48)), torch.tensor(INITIAL).expand(4, 2))


def test_what_is_given_and_what_is_missing_are_read() -> None:
    net, x = amortizer(given_dim=2, missing=True), torch.randn(3, 50)
    x[0, 5] = torch.nan
    phi = net(x)
    assert torch.isfinite(phi).all()
    for column in (5, 49):
        other = x.clone()
        other[:, column] = 0.7
        assert not torch.allclose(net(other), phi)


def test_what_is_given_is_not_read_on_request() -> None:
    net, x = amortizer(given_dim=2, reads_given=False), torch.randn(3, 50)
    phi = net(x)
    x[:, 48:] = 0.7
    assert torch.equal(net(x), phi)
    x[:, 47] = 0.7
    assert not torch.allclose(net(x), phi)


def test_vectors_are_refused() -> None:
    with pytest.raises(
        UserError, match=r"amortizer=resnet needs images .*, got points of shape \(10,\): use amortizer=mlp"
    ):
        amortizer((10,))
