"""Each column has the likelihood of its type, in nats of the data as given."""

import math

import pytest
import torch
from torch import Tensor, nan
from torch.distributions import Bernoulli, Categorical, LogNormal, NegativeBinomial, Normal

from vaerun.model.likelihood.mixed import MixedLikelihood
from vaerun.nn.bounded_scale import bounded_log_scale
from vaerun.notation import Column
from vaerun.verify.columns import COLUMNS, axis_of

pytestmark = pytest.mark.usefixtures("exact")

X = torch.tensor([[3.1, -20.0, 2.0, 4.0, 1.0, 2.0, 0.0], [2.7, -90.0, 9.0, 0.0, 0.0, 0.0, 1.0]], dtype=torch.float64)


@pytest.fixture
def likelihood() -> MixedLikelihood:
    torch.manual_seed(0)
    mixed = MixedLikelihood(data_dim=7, data_std=1.0, columns=COLUMNS)
    with torch.no_grad():
        for weight in mixed.parameters():
            weight.copy_(0.3 * torch.randn_like(weight))
    return mixed


def reference(mixed: MixedLikelihood, x: Tensor, outputs: Tensor) -> Tensor:
    """log p of each column by torch.distributions, in the units of x."""
    normal, counts = mixed.types[0], mixed.types[1]
    sigma, r = normal.log_sigma().exp(), (7 * (counts.raw_log_r / 7).tanh()).exp()  # type: ignore[operator]
    o = outputs.unbind(-1)
    real = [Normal(c.mean + c.std * o[j], c.std * sigma[j]).log_prob(x[:, j]) for j, c in enumerate(COLUMNS[:2])]
    positive = LogNormal(COLUMNS[2].mean + COLUMNS[2].std * o[2], COLUMNS[2].std * sigma[2]).log_prob(x[:, 2])
    count = NegativeBinomial(r[0], logits=o[3] - r[0].log()).log_prob(x[:, 3])
    binary = Bernoulli(logits=o[4]).log_prob(x[:, 4])
    three = Categorical(logits=outputs[..., 5:8]).log_prob(x[:, 5])
    two = Categorical(logits=outputs[..., 8:10]).log_prob(x[:, 6])
    return torch.stack([*real, positive, count, binary, three, two], -1)


def test_each_term_is_the_density_of_its_type_in_the_units_of_the_data(likelihood: MixedLikelihood) -> None:
    outputs = torch.randn(3, 2, likelihood.num_outputs)
    terms = likelihood.terms(X, outputs)
    torch.testing.assert_close(terms, reference(likelihood, X, outputs))
    torch.testing.assert_close(likelihood.log_prob(X, outputs), terms.sum(-1))


def test_the_order_of_the_columns_is_kept() -> None:
    turned = MixedLikelihood(data_dim=7, data_std=1.0, columns=COLUMNS[::-1])
    straight = MixedLikelihood(data_dim=7, data_std=1.0, columns=COLUMNS)
    outputs = torch.randn(1, 2, 10)
    order = [8, 9, 5, 6, 7, 4, 3, 2, 1, 0]
    torch.testing.assert_close(turned.terms(X.flip(1), outputs[..., order]), straight.terms(X, outputs).flip(-1))


def test_a_missing_value_has_no_term_and_no_gradient(likelihood: MixedLikelihood) -> None:
    x, outputs = X.clone(), torch.randn(1, 2, likelihood.num_outputs, requires_grad=True)
    x[0] = nan
    terms = likelihood.terms(x, outputs)
    assert terms[:, 0].isnan().all()
    observed = torch.where(x.isnan(), 0.0, terms).sum()
    gradient, *others = torch.autograd.grad(observed, [outputs, *likelihood.parameters()])
    assert (gradient[:, 0] == 0).all()
    assert gradient[:, 1].abs().min() > 0
    assert all(other.isfinite().all() for other in others)


def test_it_starts_at_the_best_model_without_z(likelihood: MixedLikelihood) -> None:
    mean = torch.tensor([2.9, -60.0, 7.0, 1.7, 0.4, 1.0, 0.5])
    first = likelihood.mean(likelihood.initial_outputs(mean))
    torch.testing.assert_close(first[[0, 1, 3, 4]], mean[[0, 1, 3, 4]])
    shares = likelihood.types[3].log_p(likelihood.initial_outputs(mean))[0].exp()  # type: ignore[operator]
    torch.testing.assert_close(shares, torch.tensor(COLUMNS[5].shares))


def test_samples_have_the_mean_and_the_shares_of_the_density(likelihood: MixedLikelihood) -> None:
    n, outputs = 40_000, 0.5 * torch.randn(1, likelihood.num_outputs)
    x = likelihood.sample(outputs.expand(n, 1, -1))[:, 0]
    mean = likelihood.mean(outputs)[0]
    numbers = slice(0, 5)
    error = x[:, numbers].std(0) / n**0.5
    assert ((x[:, numbers].mean(0) - mean[numbers]).abs() < 5 * error).all()
    for j, column in enumerate(COLUMNS):
        if column.kind != "categorical":
            continue
        axis, _ = axis_of(column)
        rows = torch.ones(len(axis), 7)
        rows[:, j] = axis
        p = likelihood.terms(rows, outputs.expand(1, len(axis), -1))[0, :, j].exp()
        share = torch.stack([(x[:, j] == code).double().mean() for code in axis])
        assert ((share - p).abs() < 5 * (p * (1 - p) / n).sqrt()).all()
        assert mean[j] == p.argmax()


def test_counts_are_poisson_at_a_large_r() -> None:
    counts = MixedLikelihood(data_dim=1, data_std=1.0, columns=[Column("n", kind="count")])
    with torch.no_grad():
        counts.types[0].raw_log_r.fill_(1e9)  # type: ignore[union-attr, operator]
    x, outputs = torch.arange(5.0).unsqueeze(1), torch.full((1, 5, 1), 0.3)
    poisson = torch.distributions.Poisson(outputs[0].exp()).log_prob(x)
    torch.testing.assert_close(counts.terms(x, outputs)[0], poisson, rtol=0, atol=0.02)


@pytest.mark.parametrize("x", [0.0, 3.0, 1e3, 1e5, 4e6])
def test_no_digits_are_lost_where_counts_are_large(x: float) -> None:
    counts = MixedLikelihood(data_dim=1, data_std=1.0, columns=[Column("n", kind="count")])
    outputs = torch.tensor([-1.0, 0.0, 1.0]).reshape(3, 1, 1) + math.log(x + 1)
    r = bounded_log_scale(counts.types[0].raw_log_r).exp().double()  # type: ignore[union-attr, arg-type]
    mean = outputs[..., 0].double().exp()
    exact = torch.distributions.NegativeBinomial(r, logits=mean.log() - r.log()).log_prob(torch.tensor(x).double())
    found = counts.terms(torch.tensor([[x]]), outputs)[..., 0].double()
    torch.testing.assert_close(found, exact, rtol=1e-4, atol=1e-4)
