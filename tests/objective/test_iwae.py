"""J(r) = log (1/K) Σ_k exp r_k."""

import math

import pytest
import torch

from tests.problems import family_and_model, objective, space

pytestmark = pytest.mark.usefixtures("exact")


def test_it_is_the_log_of_the_mean_weight_and_does_not_overflow() -> None:
    J = objective("iwae", 2)
    torch.testing.assert_close(J(torch.tensor([[0.0], [math.log(3.0)]])), torch.tensor([math.log(2.0)]))
    torch.testing.assert_close(
        J(torch.tensor([[-2000.0], [-2000.0 + math.log(3.0)]])), torch.tensor([math.log(2) - 2000])
    )


def test_one_sample_is_the_elbo() -> None:
    r = torch.randn(1, 5)
    one, elbo = objective("iwae", 1), objective("elbo", 1)
    assert torch.equal(one(r), elbo(r))
    assert torch.equal(one.credit(r), elbo.credit(r))
    assert torch.equal(one.path_weight(r), elbo.path_weight(r))


def test_its_weights() -> None:
    J, r = objective("iwae", 4), torch.randn(4, 3)
    w = r.exp() / r.exp().sum(0)
    torch.testing.assert_close(J.credit(r), r.exp().mean(0).log().expand(4, 3))
    torch.testing.assert_close(J.score_weight(r), w)
    torch.testing.assert_close(J.path_weight(r), w.square())


def test_the_gap_closes_as_one_over_k() -> None:
    """K (log p − L_K) → ½ (E_q[(p/q)²] − 1), exactly: with one bit, L_K is a sum over how many samples are 1."""
    family, model = family_and_model("bernoulli", latent_dim=1)
    over, x = space("binary", 1), torch.tensor([[1.0, 0.0, 1.0]])
    with torch.no_grad():
        joint = model.log_joint(x, over.z)[:, 0]
        q = family((joint[1] - joint[0] + 1.5).reshape(1, 1))  # the posterior's log-odds, and 1.5 beside them
        log_q = q.log_prob(over.z)[:, 0]
        r = joint - log_q
        log_p = float((log_q + r).logsumexp(0))
        limit = 0.5 * (float((log_q + 2 * (r - log_p)).exp().sum()) - 1)
        scaled = []
        for k in (50, 200, 800):
            ones = torch.arange(k + 1.0)
            binomial = math.lgamma(k + 1) - torch.lgamma(ones + 1) - torch.lgamma(k - ones + 1)
            log_probability = binomial + ones * log_q[1] + (k - ones) * log_q[0]
            rewards = torch.where(torch.arange(k).unsqueeze(1) < ones, r[1], r[0])  # [K, K + 1]: column n has n ones
            bound = (log_probability.exp() * objective("iwae", k)(rewards)).sum()
            scaled.append(k * (log_p - float(bound)))
    assert limit > 0.05
    errors = [abs(s / limit - 1) for s in scaled]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.01
