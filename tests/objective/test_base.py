"""K, and the KL weight."""

import pytest
import torch

from tests.problems import node, objective, options
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.notation import Terms


@pytest.mark.parametrize("name", options("objective"))
@pytest.mark.parametrize("k", [0, -3])
def test_fewer_than_one_sample_is_refused(name: str, k: int) -> None:
    with pytest.raises(UserError, match="num_samples"):
        objective(name, k)


@pytest.mark.parametrize("name", options("objective"))
def test_a_warm_up_is_in_force_from_the_step_it_was_advanced_to(name: str) -> None:
    J = make(node(f"objective/{name}", kl_weight=node("objective/kl_weight/linear")), {})
    terms = Terms(torch.full((2, 1), -10.0), torch.full((2, 1), -3.0), torch.full((2, 1), -1.0))
    assert torch.equal(J.reward(terms), torch.full((2, 1), -10.0))
    J.kl_weight.advance(5.0)
    assert torch.equal(J.reward(terms), torch.full((2, 1), -11.0))
    J.kl_weight.advance(1000.0)
    assert torch.equal(J.reward(terms), torch.full((2, 1), -12.0))


@pytest.mark.parametrize("name", options("objective"))
def test_the_weight_is_one_in_evaluation_mode_and_in_force_again_after_it(name: str) -> None:
    J, terms = objective(name, 2, 0.3), Terms(*torch.randn(3, 2, 4))
    annealed = J.reward(terms)
    torch.testing.assert_close(J.eval().reward(terms), terms.log_likelihood + terms.log_prior - terms.log_q)
    torch.testing.assert_close(J.train().reward(terms), annealed)
