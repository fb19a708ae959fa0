"""N(x; outputs, σ² I) with a given σ."""

import pytest
import torch

from tests.problems import node
from vaerun.errors import UserError
from vaerun.experiment.make import make


def test_it_is_the_normal_density_of_torch_with_that_sigma() -> None:
    facts = {"data_dim": 3, "data_std": 7.0}
    likelihood = make(node("model/likelihood/fixed_gaussian", sigma=0.3), facts)
    x, outputs = torch.randn(5, 3), torch.randn(2, 5, 3)
    theirs = torch.distributions.Normal(outputs, 0.3).log_prob(x).sum(-1)
    assert torch.allclose(likelihood.log_prob(x, outputs), theirs, rtol=1e-5)
    assert torch.allclose(likelihood.variance(outputs), torch.tensor(0.09))
    assert not list(likelihood.parameters()), "σ is not trained"


def test_a_sigma_of_nothing_is_refused() -> None:
    with pytest.raises(UserError, match=r"^model.likelihood.sigma must be > 0"):
        make(node("model/likelihood/fixed_gaussian", sigma=0), {"data_dim": 3, "data_std": 1.0})
