"""φ = f_λ(x)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
import torch
from torch import nn

from tests.problems import node
from vaerun.amortizer.mlp import MLPAmortizer
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.notation import Column

pytestmark = pytest.mark.usefixtures("exact")

MEAN, STD = torch.tensor([10.0, -3.0, 0.0]), 2.0
INITIAL = torch.tensor([0.5, -0.5])


def amortizer(
    mean: torch.Tensor = MEAN, std: float = STD, facts: Mapping[str, Any] = MappingProxyType({}), **keys: Any
) -> MLPAmortizer:
    known = {
        "data_dim": 3,
        "num_parameters": 2,
        "data_mean": mean.double(),
        "data_std": std,
        "initial": INITIAL.double(),
        **facts,
    }
    torch.manual_seed(0)
    return make(node("amortizer/mlp", **keys), known)


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


@pytest.mark.parametrize("name", ["mlp", "conv"])
def test_it_reads_x_minus_the_mean_in_units_of_the_spread(name: str) -> None:
    """The same network on x in another unit, with the spread in that unit, and the default of 4s."""

    def net(unit: float, **keys: Any) -> nn.Module:
        facts = {
            "data_dim": 16,
            "data_shape": (4, 4),
            "num_parameters": 2,
            "data_mean": unit * torch.linspace(-1, 1, 16),
            "data_std": unit * 0.3,
            "initial": INITIAL.double(),
        }
        torch.manual_seed(0)
        return make(node(f"amortizer/{name}", **keys), facts).eval()

    x = torch.randn(5, 16)
    read = net(1.0, spread=0.5)(x)
    torch.testing.assert_close(net(3.0, spread=1.5)(3 * x), read)
    torch.testing.assert_close(net(1.0, spread=1.2)(x), net(1.0)(x))
    assert (read - net(1.0)(x)).abs().max() > 1e-3


@pytest.mark.parametrize(
    "facts", [{"counts": True}, {"columns": [Column("a"), Column("b"), Column("c")]}], ids=["counts", "columns"]
)
def test_a_spread_that_changes_nothing_is_refused(facts: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"amortizer\.spread=1\.0 has no effect on"):
        amortizer(facts=facts, spread=1.0)
    with pytest.raises(UserError, match=r"amortizer\.spread must be > 0, got -1\.0"):
        amortizer(spread=-1.0)


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(UserError, match=r"activation must be one of .*, got tan"):
        amortizer(activation="tan")
