"""b_k = the credit of sample k with r_k replaced by the mean of the others."""

import pytest
import torch

from tests.problems import node, objective
from vaerun.experiment.make import make

pytestmark = pytest.mark.usefixtures("exact")

X = torch.zeros(2, 1)
Q, Z = make(node("posterior/bernoulli"), {"latent_dim": 2})(torch.zeros(2, 2)), torch.zeros(2, 2, 2)  # not read


@pytest.mark.parametrize("k", [2, 3, 5])
def test_on_the_elbo_it_is_the_mean_of_the_others(k: int) -> None:
    r = torch.randn(k, 2)
    b = make(node("estimator/baseline/leave_one_out"), {})(r, objective("elbo", k), X, Q, Z)
    others = torch.stack([torch.stack([r[j] for j in range(k) if j != i]).mean(0) for i in range(k)])
    torch.testing.assert_close(b, others / k)


@pytest.mark.parametrize("k", [2, 3, 5])
def test_on_the_importance_weighted_bound_it_is_vimco(k: int) -> None:
    """Mnih & Rezende, eqs. 9 and 10: log (1/K)(Σ_{j≠k} f_j + the geometric mean of the f_j, j ≠ k)."""
    r = torch.randn(k, 2)
    b = make(node("estimator/baseline/leave_one_out"), {})(r, objective("iwae", k), X, Q, Z)
    f = r.exp()
    for i in range(k):
        others = torch.stack([f[j] for j in range(k) if j != i])
        geometric_mean = others.prod(0) ** (1 / (k - 1))
        torch.testing.assert_close(b[i], ((others.sum(0) + geometric_mean) / k).log())


@pytest.mark.parametrize("name", ["elbo", "iwae"])
def test_it_does_not_see_its_own_sample(name: str) -> None:
    baseline, J = make(node("estimator/baseline/leave_one_out"), {}), objective(name, 3)
    r = torch.randn(3, 2)
    before = baseline(r, J, X, Q, Z)
    for k in range(3):
        other = r.clone()
        other[k] += 10 * torch.randn(2)
        after = baseline(other, J, X, Q, Z)
        torch.testing.assert_close(after[k], before[k])
        assert all(not torch.allclose(after[j], before[j]) for j in range(3) if j != k)
