"""Factor analysis and PCA: log p(x) in closed form, in the units of the data, and as scikit-learn computes it."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from vaerun.model.affine_gaussian import AffineGaussian
from vaerun.model.factor_analysis import FactorAnalysis
from vaerun.model.linear_gaussian import LinearGaussian
from vaerun.notation import Column

pytestmark = pytest.mark.usefixtures("exact")


def data() -> Tensor:
    """Wine of scikit-learn: 13 columns whose standard deviations differ by a factor of 2,500."""
    return torch.from_numpy(pytest.importorskip("sklearn.datasets").load_wine().data)


def columns_of(x: Tensor) -> list[Column]:
    pairs = zip(x.mean(0).tolist(), x.std(0, unbiased=False).tolist(), strict=True)
    return [Column(str(j), mean=mean, std=std, standardised=True) for j, (mean, std) in enumerate(pairs)]


def model_of(kind: type[AffineGaussian], x: Tensor, columns: Any = ()) -> AffineGaussian:
    spread = float(x.var(0, unbiased=False).mean().sqrt())
    return kind(latent_dim=3, data_mean=x.mean(0), data_std=spread, columns=columns)


def fitted(model: AffineGaussian, x: Tensor) -> float:
    """The maximum of the mean log p(x), by L-BFGS."""
    method = torch.optim.LBFGS(model.parameters(), max_iter=2000, line_search_fn="strong_wolfe", tolerance_change=1e-12)

    def loss() -> Tensor:
        method.zero_grad()
        value = -model.exact_log_prob(x).mean()
        value.backward()
        return value

    method.step(loss)
    return float(model.exact_log_prob(x).mean().detach())


@pytest.mark.parametrize("kind", [FactorAnalysis, LinearGaussian])
def test_log_p_is_the_marginal_and_agrees_with_bayes_theorem(kind: type[AffineGaussian]) -> None:
    x = data()[:5, :4]
    model = kind(latent_dim=2, data_mean=x.mean(0), data_std=1.0, columns=columns_of(x))
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(0.7 * torch.randn_like(weight))
        std = x.std(0, unbiased=False)
        noise = (2 * model.log_sigma()).exp().expand(4)
        C = std.diag() @ (model.W @ model.W.T + noise.diag()) @ std.diag()
        marginal = MultivariateNormal(x.mean(0) + std * model.mu, C)
        torch.testing.assert_close(model.exact_log_prob(x), marginal.log_prob(x))
        z = torch.randn(1, 5, 2)
        mean, covariance = model.exact_posterior(x)
        posterior = MultivariateNormal(mean, covariance).log_prob(z[0])
        torch.testing.assert_close(model.log_joint(x, z)[0] - posterior, model.exact_log_prob(x))


def test_its_maximum_is_that_of_scikit_learn_in_any_units() -> None:
    x = data()
    decomposition = pytest.importorskip("sklearn.decomposition")
    scaled = ((x - x.mean(0)) / x.std(0, unbiased=False)).numpy()
    known = decomposition.FactorAnalysis(3, tol=1e-10, max_iter=20_000, svd_method="lapack").fit(scaled).score(scaled)
    known -= float(np.log(x.std(0, unbiased=False).numpy()).sum())
    assert fitted(model_of(FactorAnalysis, x, columns_of(x)), x) == pytest.approx(known, abs=0.01)


def test_pca_is_that_of_scikit_learn_on_the_data_and_on_standardised_data() -> None:
    x = data()
    # scikit-learn divides the covariance by N − 1, which changes the mean log-likelihood by less than 0.01 nat.
    pca = pytest.importorskip("sklearn.decomposition").PCA(3)
    scaled = ((x - x.mean(0)) / x.std(0, unbiased=False)).numpy()
    known = pca.fit(scaled).score(scaled) - float(np.log(x.std(0, unbiased=False).numpy()).sum())
    assert fitted(model_of(LinearGaussian, x, columns_of(x)), x) == pytest.approx(known, abs=0.01)
    raw = x[:, :12].numpy()  # without the column that has nearly all of the variance
    assert fitted(model_of(LinearGaussian, x[:, :12]), x[:, :12]) == pytest.approx(pca.fit(raw).score(raw), abs=0.01)
