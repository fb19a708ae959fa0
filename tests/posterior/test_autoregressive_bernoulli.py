"""q(z; φ) = Π_d Bernoulli(z_d; σ(φ_d + f_d(z_1, …, z_{d−1}, φ)))."""

import pytest
import torch
from torch import Tensor

from tests.problems import node
from vaerun.experiment.make import make
from vaerun.posterior.autoregressive_bernoulli import AutoregressiveBernoulli, DependentBernoulli
from vaerun.posterior.bernoulli import IndependentBernoulli

pytestmark = pytest.mark.usefixtures("exact")


def copies(z: Tensor, context: Tensor) -> Tensor:
    """f that makes each bit the same as the one before it, nearly."""
    before = torch.cat((torch.full_like(z[..., :1], 0.5), z[..., :-1]), dim=-1)
    return (20 * before - 10).unsqueeze(-1)


def test_without_f_its_bits_are_independent() -> None:
    phi, z = torch.randn(3, 4), torch.randint(2, (5, 3, 4)).double()
    q = DependentBernoulli(phi, lambda z, context: torch.zeros(*z.shape, 1))
    torch.testing.assert_close(q.log_prob(z), IndependentBernoulli(phi).log_prob(z))
    family: AutoregressiveBernoulli = make(node("posterior/autoregressive_bernoulli"), {"latent_dim": 4})
    assert family.num_parameters == 4


def test_bits_depend_on_those_before_them() -> None:
    q = DependentBernoulli(torch.zeros(1, 5), copies)
    z = q.sample(2000)
    assert (z == z[..., :1]).double().mean() > 0.999
    assert abs(z.mean() - 0.5) < 0.05
    assert float(q.log_prob(torch.ones(1, 1, 5))) == pytest.approx(-0.6931 - 4 * 4.54e-5, abs=1e-4)
    assert float(q.log_prob(torch.tensor([[[1.0, 0.0, 0.0, 0.0, 0.0]]]))) == pytest.approx(-10.69, abs=0.01)


def test_the_frequencies_of_its_samples_are_its_mass_function() -> None:
    family, k = AutoregressiveBernoulli(latent_dim=3, hidden=8), 50_000
    with torch.no_grad():
        for weight in family.parameters():
            weight.add_(torch.randn_like(weight))
    q = family(torch.randn(1, 3))
    support = q.support()
    assert q.support_size == len(support) == 8
    p = q.log_prob(support).exp()[:, 0].detach()
    frequency = (q.sample(k) == support.transpose(0, 1)).all(-1).double().mean(0)
    assert ((frequency - p).abs() < 5 * (p * (1 - p) / k).sqrt()).all()
