"""With uniform noise on a grid, p is the density of x + noise per cell: its mean over the noise is P(cell)."""

import math

import numpy as np
import pytest
import torch

from tests.runs import train
from vaerun.bound.bound import Bound
from vaerun.experiment.load import load
from vaerun.metric.metric import Metric
from vaerun.model.likelihood.diagonal_gaussian import DiagonalGaussianLikelihood
from vaerun.model.likelihood.mixed import MixedLikelihood
from vaerun.model.linear_gaussian import LinearGaussian
from vaerun.notation import Column

COLUMNS = (
    Column("a", mean=3.0, std=2.0, standardised=True, width=1.0),
    Column("b", mean=0.2, std=0.5, standardised=True, width=0.5),
)
NODES, WEIGHTS = (torch.tensor(part) for part in np.polynomial.legendre.leggauss(12))
U = torch.cartesian_prod((NODES + 1) / 2, (NODES + 1) / 2)  # in the unit square
MASS = torch.cartesian_prod(WEIGHTS / 2, WEIGHTS / 2).prod(1)
WIDTHS = torch.tensor([1.0, 0.5], dtype=torch.float64)
X = torch.tensor([4.0, -0.5], dtype=torch.float64)  # a cell is [4, 5) x [-0.5, 0)


def normal_cells(mean: torch.Tensor, std: torch.Tensor) -> float:
    """log P of the cell of X under independent normal distributions."""
    ends = torch.stack((X, X + WIDTHS))
    return float(torch.special.ndtr((ends - mean) / std).diff(dim=0).log().sum())


@pytest.fixture(autouse=True)
def _double() -> None:
    torch.manual_seed(0)


def affine() -> LinearGaussian:
    model = LinearGaussian(latent_dim=1, data_mean=torch.tensor([3.0, 0.2]), data_std=1.0, columns=COLUMNS).double()
    torch.nn.init.constant_(model.W[1], 0.0)  # then the two coordinates are independent
    return model


def test_the_mean_over_the_noise_is_the_probability_of_the_cell_and_the_mean_logarithm_is_below_it() -> None:
    model = affine()
    log_p = model.exact_log_prob(X + WIDTHS * U).detach()
    variance = model.W.square().sum(1) + (2 * model.log_sigma()).exp()
    stds = torch.tensor([2.0, 0.5]) * variance.sqrt()
    probability = normal_cells(torch.tensor([3.0, 0.2]), stds.detach())
    assert math.log(float(MASS @ log_p.exp())) == pytest.approx(probability, abs=1e-6)
    assert float(MASS @ log_p) < probability - 1e-3


@pytest.mark.parametrize("kind", [DiagonalGaussianLikelihood, MixedLikelihood])
def test_the_same_holds_for_a_likelihood_given_z(kind: type) -> None:
    likelihood = kind(data_dim=2, data_std=1.0, columns=COLUMNS).double()
    outputs = torch.tensor([[[0.3, -0.1]]], dtype=torch.float64)
    log_p = torch.stack([likelihood.log_prob(x[None], outputs)[0, 0].detach() for x in X + WIDTHS * U])
    inside = math.log(float(MASS @ log_p.exp()))
    assert inside == pytest.approx(normal_cells(torch.tensor([3.6, 0.15]), torch.tensor([2.0, 0.5])), abs=1e-6)
    assert float(MASS @ log_p) < inside - 1e-3
    assert likelihood.with_noise
    assert not kind(data_dim=2, data_std=1.0, columns=[c._replace(width=0.0) for c in COLUMNS]).with_noise


def test_a_missing_value_has_no_cell() -> None:
    model = affine()
    model.missing = True
    variance = model.W.square().sum(1) + (2 * model.log_sigma()).exp()
    y = ((X[0] + 0.5) - 3.0) / 2.0
    known = torch.distributions.Normal(0.0, variance[0].sqrt()).log_prob(y) + math.log(1.0 / 2.0)
    x = torch.tensor([[float(X[0]) + 0.5, math.nan]], dtype=torch.float64)
    torch.testing.assert_close(model.exact_log_prob(x)[0], known)
    assert model.target == "the observed part of x + noise"


def test_every_bound_says_that_it_is_of_x_with_noise(tmp_path) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 9, (60, 3)).astype(np.float32))
    words = ("data=arrays", f"data.path={tmp_path / 'x.npy'}", "data.dequantise=true", "trainer.epochs=1")
    train(tmp_path / "run", *words, "model/likelihood=diagonal_gaussian", "trainer.batch_size=8")
    run = load(tmp_path / "run")
    about = run.summary["about"]
    assert about["elbo"]["meaning"] == "lower bound on mean log p(x + noise)"
    bound: Bound = run.strategy.bound
    assert bound.metric(Metric("m", "mean log p(x), exact")).meaning == "mean log p(x + noise), exact"
