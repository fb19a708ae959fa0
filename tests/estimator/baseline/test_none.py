"""b = 0."""

import torch

from tests.problems import node, objective
from vaerun.experiment.make import make


def test_it_is_zero_and_broadcasts() -> None:
    r = torch.randn(3, 2)
    b = make(node("estimator/baseline/none"), {})(r, objective("elbo", 3), torch.zeros(2, 1), None, None)
    assert torch.equal(r - b, r)
