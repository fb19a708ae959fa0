import torch

from vaerun.model.likelihood.rate.free import Free
from vaerun.model.likelihood.zero_inflated_negative_binomial import ZeroInflatedNegativeBinomial

X = 4


def test_it_is_a_mixture_of_zero_and_the_negative_binomial(exact):
    likelihood = ZeroInflatedNegativeBinomial(data_dim=X, data_std=1.0, rate=Free())
    rate, present = torch.randn(2, 5, X), torch.randn(2, 5, X)
    outputs = torch.stack((rate, present), -1).flatten(-2)
    x = torch.poisson(rate[0].exp())
    zero = (x == 0).double()
    mixture = (1 - present.sigmoid()) * zero + present.sigmoid() * likelihood.counts.terms(x, rate).exp()
    torch.testing.assert_close(likelihood.terms(x, outputs), mixture.log())


def test_without_zeros_it_is_the_negative_binomial(exact):
    likelihood = ZeroInflatedNegativeBinomial(data_dim=X, data_std=1.0, rate=Free())
    rate, x = torch.randn(2, 5, X), torch.poisson(torch.ones(5, X))
    outputs = torch.stack((rate, torch.full_like(rate, 60.0)), -1).flatten(-2)
    torch.testing.assert_close(likelihood.log_prob(x, outputs), likelihood.counts.log_prob(x, rate))
