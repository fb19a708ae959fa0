"""K, and the KL weight."""

import pytest
import torch

from tests.problems import node, objective, options
from vaerun.build import make
from vaerun.errors import UserError
from vaerun.notation import Terms


@pytest.mark.parametrize("name", options("objective"))
@pytest.mark.parametrize("k", [0, -3])
def test_fewer_than_one_sample_is_refused(name: str, k: int) -> None:
    with pytest.raises(UserError, match="num_samples"):
        objective(name, k)


@pytest.mark.parametrize("name", options("objective"))
def test_a_warm_up_is_in_force_from_the_step_it_was_advanced_to(name: str) -> None:
    J = make(node(f"objective/{name}", {"kl_weight": "linear"}), {})
    terms = Terms(torch.full((2, 1), -10.0), torch.full((2, 1), -3.0), torch.full((2, 1), -1.0))
    assert torch.equal(J.reward(terms), torch.full((2, 1), -10.0))
    J.kl_weight.advance(5.0)
    assert torch.equal(J.reward(terms), torch.full((2, 1), -11.0))
    J.kl_weight.advance(1000.0)
    assert torch.equal(J.reward(terms), torch.full((2, 1), -12.0))
