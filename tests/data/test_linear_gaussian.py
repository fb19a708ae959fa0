import pytest
import torch

from tests.composition import composed
from vaerun.config import hydra
from vaerun.config.check import check
from vaerun.data.linear_gaussian import LinearGaussianData
from vaerun.errors import UserError


def test_shapes_support_and_type():
    source = LinearGaussianData(num_train=30, num_valid=5, num_test=7, data_dim=4, latent_dim=3)
    dataset = source.load()
    assert [tuple(s.x.shape) for s in (dataset.train, dataset.valid, dataset.test)] == [(30, 4), (5, 4), (7, 4)]
    assert (dataset.shape, dataset.support, dataset.binarize) == ((4,), "real", "none")
    assert dataset.train.x.dtype == torch.float32
    assert source.W.shape == (4, 3)
    assert source.mu.shape == (4,)


def test_the_points_have_the_stated_mean_and_covariance():
    n = 40_000
    source = LinearGaussianData(num_train=n, data_dim=4, latent_dim=2, sigma=0.3)
    x = source.load().train.x.double()
    W, mu = source.W.double(), source.mu.double()
    covariance = W @ W.T + 0.09 * torch.eye(4, dtype=torch.float64)
    whitened = torch.linalg.solve_triangular(torch.linalg.cholesky(covariance), (x - mu).T, upper=False)
    # Five standard errors of a mean (1/√n) and of a second moment (at most √2/√n).
    assert whitened.mean(1).abs().max() < 5 / n**0.5
    assert (whitened @ whitened.T / n - torch.eye(4)).abs().max() < 5 * 2**0.5 / n**0.5


def test_the_seed_of_the_simulation_fixes_it_whatever_the_run_does():
    torch.manual_seed(1)
    first = LinearGaussianData().load()
    torch.manual_seed(2)
    assert LinearGaussianData().load().sha256 == first.sha256
    assert LinearGaussianData(simulation_seed=1).load().sha256 != first.sha256


def test_more_points_of_one_split_do_not_change_the_others():
    few, many = LinearGaussianData(num_train=20).load(), LinearGaussianData(num_train=50).load()
    assert torch.equal(few.valid.x, many.valid.x)
    assert torch.equal(few.test.x, many.test.x)
    assert not torch.equal(few.valid.x, few.test.x)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("num_train", 1),
        ("num_valid", 0),
        ("data_dim", 0),
        ("latent_dim", -1),
        ("sigma", 0),
        ("sigma", float("inf")),
        ("simulation_seed", -1),
    ],
)
def test_numbers_that_cannot_work_are_refused_by_their_key(key, value):
    with pytest.raises(UserError, match=rf"data\.{key} must be .*, got {value}"):
        LinearGaussianData(**{key: value})


@pytest.mark.parametrize(("key", "value"), [("num_test", "2.5"), ("sigma", "half")])
def test_what_is_not_a_number_of_that_kind_is_refused_before_anything_is_built(key, value):
    with pytest.raises(UserError, match=rf"data\.{key}.*(whole number|a number)"):
        check(*composed(["data=linear_gaussian", f"data.{key}={value}"]), [hydra.own_directory()])
