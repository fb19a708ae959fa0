"""J(r) = mean_k r_k."""

import pytest
import torch

from tests.problems import node, objective
from vaerun.experiment.make import make
from vaerun.objective.elbo import ELBO

pytestmark = pytest.mark.usefixtures("exact")


def test_it_is_the_mean() -> None:
    r = torch.tensor([[1.0, -4.0], [5.0, 0.0]])
    assert objective("elbo", 2)(r).tolist() == [3.0, -2.0]


def test_its_weights_are_one_over_k() -> None:
    J, r = objective("elbo", 4), torch.randn(4, 3)
    assert torch.equal(J.credit(r), r / 4)
    assert torch.equal(J.score_weight(r), torch.zeros(4, 3))  # documented: a constant's term has mean zero
    assert torch.equal(J.path_weight(r), torch.full((4, 3), 0.25))


def test_it_is_the_elbo_only_at_a_constant_weight_of_one() -> None:
    assert isinstance(objective("elbo", 1), ELBO)
    assert objective("elbo", 3).is_elbo
    assert not objective("elbo", 3, 0.3).is_elbo
    assert not make(node("objective/elbo", {"kl_weight": "linear"}), {}).is_elbo
    assert not objective("iwae", 3).is_elbo
