import math

import pytest
import torch

from vaerun.model.likelihood.poisson import Poisson
from vaerun.model.likelihood.rate.free import Free
from vaerun.model.likelihood.rate.total_share import TotalShare


def test_it_is_the_poisson_of_torch(exact):
    likelihood, outputs = Poisson(data_dim=4, data_std=1.0, rate=Free()), torch.randn(3, 5, 4)
    x = torch.poisson(3 * torch.ones(5, 4))
    torchs = torch.distributions.Poisson(outputs.exp()).log_prob(x).sum(-1)
    torch.testing.assert_close(likelihood.log_prob(x, outputs), torchs)


def test_given_the_total_it_is_a_multinomial_times_the_poisson_of_the_total(exact):
    likelihood = Poisson(data_dim=4, data_std=1.0, rate=TotalShare(data_mean=torch.ones(4)))
    x, outputs = torch.tensor([[1.0, 0.0, 7.0, 3.0]]), torch.randn(1, 1, 4)
    total = x.sum(-1)
    shares = torch.distributions.Multinomial(11, logits=outputs[0]).log_prob(x)
    truth = shares + torch.distributions.Poisson(total).log_prob(total)
    torch.testing.assert_close(likelihood.log_prob(x, outputs)[0], truth)


@pytest.mark.parametrize("x", [0.0, 1.0, 15.0, 16.0, 200.0, 1e4, 1e6, 1e7])
def test_no_digits_are_lost_where_counts_are_large(x: float) -> None:
    likelihood = Poisson(data_dim=1, data_std=1.0, rate=Free())
    counts = torch.tensor([[x]])
    log_rate = torch.tensor([[[math.log(x + 1) + shift / math.sqrt(x + 1)]] for shift in (-3.0, 0.0, 0.5, 3.0)])
    log_rate.requires_grad_()
    found = likelihood.log_prob(counts, log_rate)
    exact = torch.distributions.Poisson(log_rate.double().exp()).log_prob(counts.double()).sum(-1)
    torch.testing.assert_close(found.double(), exact, rtol=1e-5, atol=1e-2)
    torch.testing.assert_close(likelihood.terms(counts, log_rate).sum(-1), found)
    (slope,) = torch.autograd.grad(found.sum(), log_rate)
    torch.testing.assert_close(slope, counts - log_rate.exp())
