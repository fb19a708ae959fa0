"""Quantiles of priors against their distribution functions."""

import pytest
import torch

from tests.problems import node
from vaerun.experiment.make import make
from vaerun.image.quantile import DRAWS, quantiles

pytestmark = pytest.mark.usefixtures("exact")

LEVELS = torch.tensor([0.01, 0.25, 0.5, 0.9], dtype=torch.float64)


def test_of_a_standard_normal_they_are_exact() -> None:
    found = quantiles(make(node("model/prior/standard_normal"), {"latent_dim": 3}), LEVELS)
    normal = torch.distributions.Normal(0.0, 1.0)
    torch.testing.assert_close(found, normal.icdf(LEVELS).unsqueeze(1).expand(4, 3))


def test_of_a_mixture_they_are_those_of_its_marginals() -> None:
    prior = make(node("model/prior/mixture_of_gaussians", num_components=2), {"latent_dim": 2})
    mu = torch.tensor([[-3.0, 0.0], [2.0, 10.0]])
    with torch.no_grad():
        prior.mu.copy_(mu)
        prior.raw_log_sigma.fill_(0.0)
    found = quantiles(prior, LEVELS)
    at = torch.special.ndtr(found.unsqueeze(1) - mu).mean(1)  # F_d at the quantiles found, [Q, D]
    error = (LEVELS * (1 - LEVELS) / DRAWS).sqrt().unsqueeze(1)
    assert ((at - LEVELS.unsqueeze(1)).abs() < 4 * error).all()
