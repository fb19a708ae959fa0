"""The density of independent normal coordinates."""

import pytest
import torch

from vaerun.nn.normal import normal_log_prob


@pytest.mark.usefixtures("exact")
def test_it_is_the_density_of_a_diagonal_normal_distribution() -> None:
    z, mu, log_sigma = torch.randn(4, 2, 3), torch.randn(2, 3), torch.randn(2, 3)
    known = torch.distributions.MultivariateNormal(mu, covariance_matrix=(2 * log_sigma).exp().diag_embed())
    torch.testing.assert_close(normal_log_prob(z, mu, log_sigma), known.log_prob(z), rtol=1e-12, atol=1e-12)
