import pytest
import torch

from vaerun.model.likelihood.negative_binomial import NegativeBinomial
from vaerun.model.likelihood.poisson import Poisson
from vaerun.model.likelihood.rate.free import Free
from vaerun.model.likelihood.rate.total_share import TotalShare

X = 6
MEAN = torch.linspace(0.1, 30.0, X)


def made(raw: float = 0.5, rate=None) -> NegativeBinomial:
    likelihood = NegativeBinomial(data_dim=X, data_std=1.0, rate=rate or Free())
    with torch.no_grad():
        likelihood.raw_log_size.copy_(raw * torch.randn(X))
    return likelihood


def counts(points: int = 5) -> torch.Tensor:
    return torch.poisson(MEAN.expand(points, X))


def test_it_is_the_negative_binomial_of_torch(exact):
    likelihood, x, outputs = made(), counts(), torch.randn(3, 5, X, requires_grad=True)
    log_size = likelihood.log_size()
    torchs = torch.distributions.NegativeBinomial(log_size.exp(), logits=outputs - log_size).log_prob(x).sum(-1)
    ours = likelihood.log_prob(x, outputs)
    torch.testing.assert_close(ours, torchs)
    leaves = [outputs, likelihood.raw_log_size]
    found, truth = (torch.autograd.grad(log_p.sum(), leaves, retain_graph=True) for log_p in (ours, torchs))
    torch.testing.assert_close(found, truth)


def test_its_variance_is_mean_plus_squared_mean_over_size(exact):
    likelihood = made()
    outputs = MEAN.log()
    x = likelihood.sample(outputs.expand(200_000, 1, X))[:, 0]
    variance = MEAN + MEAN.square() / likelihood.log_size().exp()
    torch.testing.assert_close(x.var(0), variance.detach(), rtol=0.1, atol=0)


def test_with_little_dispersion_it_approaches_poisson(exact):
    likelihood, outputs = made(0.0), torch.randn(1, 5, X)
    x = torch.poisson(outputs[0].exp())
    poisson = Poisson(data_dim=X, data_std=1.0, rate=Free()).log_prob(x, outputs)
    with torch.no_grad():
        far = likelihood.log_prob(x, outputs)
        likelihood.raw_log_size.fill_(1e4)
        near = likelihood.log_prob(x, outputs)
    assert (near - poisson).abs().max() < 0.05 < (far - poisson).abs().max()


@pytest.mark.parametrize("raw", [-20.0, 0.0, 20.0])
@pytest.mark.parametrize("total", [0.0, 1.0, 1e3, 1e7])
def test_float32_agrees_with_float64(seeded, raw, total):
    single = made(rate=TotalShare(data_mean=MEAN))
    with torch.no_grad():
        single.raw_log_size.fill_(raw)
    outputs = 3 * torch.randn(2, 5, X)
    x = torch.poisson(total * outputs[0].softmax(-1))
    found = single.log_prob(x, outputs)
    truth = single.double().log_prob(x.double(), outputs.double())
    assert found.isfinite().all()
    torch.testing.assert_close(found.double(), truth, rtol=3e-6, atol=1e-2)


def test_an_empty_point_has_probability_one_and_finite_gradients(seeded):
    likelihood, outputs = made(rate=TotalShare(data_mean=MEAN)), torch.randn(1, 1, X, requires_grad=True)
    log_p = likelihood.log_prob(torch.zeros(1, X), outputs)
    assert log_p.item() == pytest.approx(0, abs=1e-6)
    assert all(g.isfinite().all() for g in torch.autograd.grad(log_p.sum(), [outputs, likelihood.raw_log_size]))
