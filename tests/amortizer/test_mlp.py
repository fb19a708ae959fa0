"""φ = f_λ(x)."""

from typing import Any

import pytest
import torch

from tests.problems import node
from vaerun.amortizer.mlp import MLPAmortizer
from vaerun.errors import UserError
from vaerun.experiment.make import make

pytestmark = pytest.mark.usefixtures("exact")

MEAN, STD = torch.tensor([10.0, -3.0, 0.0]), 2.0
INITIAL = torch.tensor([0.5, -0.5])


def amortizer(mean: torch.Tensor = MEAN, std: float = STD, **keys: Any) -> MLPAmortizer:
    facts = {
        "data_dim": 3,
        "num_parameters": 2,
        "data_mean": mean.double(),
        "data_std": std,
        "initial": INITIAL.double(),
    }
    torch.manual_seed(0)
    return make(node("amortizer/mlp", **keys), facts)


def test_it_starts_at_the_familys_initial_phi() -> None:
    net = amortizer()
    with torch.no_grad():
        net.layers[-1].weight.zero_()
    assert torch.equal(net(torch.randn(4, 3)), INITIAL.double().expand(4, 2))


def test_the_datas_unit_and_origin_do_not_matter() -> None:
    x = torch.randn(6, 3)
    one = amortizer()(MEAN + STD * x)
    other = amortizer(torch.zeros(3), 50.0)(50.0 * x)
    torch.testing.assert_close(one, other)
    assert one.std() > 0.01


def test_without_hidden_layers_it_is_affine() -> None:
    net = amortizer(hidden=[])
    a, b = torch.randn(4, 3), torch.randn(4, 3)
    torch.testing.assert_close(net(0.3 * a + 0.7 * b), 0.3 * net(a) + 0.7 * net(b))


def test_a_point_does_not_notice_who_shares_its_batch() -> None:
    net, x = amortizer(), torch.randn(5, 3)
    torch.testing.assert_close(net(x)[2:3], net(x[2:3]))


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(UserError, match=r"activation must be one of .*, got tan"):
        amortizer(activation="tan")
