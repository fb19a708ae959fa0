"""N(x; mean(z), diag σ²) with a σ for each coordinate, in the units of the data."""

import pytest
import torch
from torch.distributions import Normal

from vaerun.model.likelihood.diagonal_gaussian import DiagonalGaussianLikelihood
from vaerun.model.likelihood.gaussian import GaussianLikelihood
from vaerun.notation import Column

pytestmark = pytest.mark.usefixtures("exact")

COLUMNS = [Column("a", mean=3.0, std=0.2, standardised=True), Column("b", mean=-7.0, std=40.0, standardised=True)]
X = torch.tensor([[3.1, 20.0], [2.7, -90.0]], dtype=torch.float64)


def test_every_coordinate_has_its_own_scale_and_starts_at_that_of_the_data() -> None:
    likelihood = DiagonalGaussianLikelihood(data_dim=2, data_std=0.7)
    assert torch.allclose(likelihood.log_sigma().exp(), torch.tensor(0.7))
    with torch.no_grad():
        likelihood.raw_log_sigma[1] = 1.0
    outputs = torch.randn(1, 2, 2)
    torch.testing.assert_close(likelihood.terms(X, outputs), Normal(outputs, likelihood.log_sigma().exp()).log_prob(X))


@pytest.mark.parametrize("kind", [DiagonalGaussianLikelihood, GaussianLikelihood])
def test_of_standardised_columns_it_is_the_density_of_the_data_as_given(kind) -> None:
    likelihood = kind(data_dim=2, data_std=99.0, columns=COLUMNS)
    outputs = torch.randn(3, 2, 2)
    mean, std = torch.tensor([3.0, -7.0]), torch.tensor([0.2, 40.0])
    expected = Normal(mean + std * outputs, std).log_prob(X)
    torch.testing.assert_close(likelihood.terms(X, outputs), expected)
    torch.testing.assert_close(likelihood.log_prob(X, outputs), expected.sum(-1))
    torch.testing.assert_close(likelihood.mean(outputs), mean + std * outputs)
    torch.testing.assert_close(likelihood.initial_outputs(mean), torch.zeros(2))
