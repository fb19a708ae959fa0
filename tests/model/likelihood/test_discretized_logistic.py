"""p(x) = σ((x + h − μ)/s) − σ((x − h − μ)/s), the end bins open."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.problems import node
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.model.likelihood.discretized_logistic import DiscretizedLogistic

pytestmark = pytest.mark.usefixtures("exact")


def likelihood(levels: int = 5, data_dim: int = 1, data_std: float = 0.4) -> DiscretizedLogistic:
    facts = {"data_dim": data_dim, "data_std": data_std}
    return make(node("model/likelihood/discretized_logistic", levels=levels), facts)


def mass(of: DiscretizedLogistic, x: Tensor, mu: float) -> Tensor:
    return of.log_prob(x.unsqueeze(1), torch.full((len(x), 1), mu)).exp().detach()


@pytest.mark.parametrize("mu", [-0.3, 0.4, 1.0])
def test_a_bin_holds_what_the_distribution_function_gains(mu: float) -> None:
    of, grid = likelihood(), torch.linspace(0, 1, 5)
    s = of.scale().detach()
    edges = torch.tensor([-torch.inf, 0.125, 0.375, 0.625, 0.875, torch.inf])
    reached = ((edges - mu) / s).sigmoid()
    torch.testing.assert_close(mass(of, grid, mu), reached[1:] - reached[:-1])


def test_its_scale_starts_at_the_spread_of_the_data() -> None:
    torch.testing.assert_close(likelihood(data_std=0.4).scale() * torch.pi / 3**0.5, torch.tensor([0.4]))


def test_data_off_the_grid_count_as_the_nearest_value() -> None:
    of, off, on = likelihood(), torch.tensor([0.1, 0.3, 0.9]), torch.tensor([0, 0.25, 1.0])
    assert torch.equal(mass(of, off, 0.4), mass(of, on, 0.4))


def test_far_tails_keep_their_slope_in_single_precision() -> None:
    """Differences of distribution functions are 0 from 17 scales on; log p falls on, by 1/s for each unit of μ."""
    torch.set_default_dtype(torch.float32)
    of = likelihood(levels=256, data_std=0.01)
    for x, mu in ((0.5, 3.0), (0.5, -3.0), (0.0, 3.0), (1.0, -3.0)):
        outputs = torch.full((1, 1), mu, requires_grad=True)
        log_p = of.log_prob(torch.full((1, 1), x), outputs)
        assert log_p.isfinite().all()
        (slope,) = torch.autograd.grad(log_p.sum(), outputs)
        torch.testing.assert_close(slope.abs() * of.scale().detach(), torch.ones(1, 1))


def test_every_pixel_has_a_scale_of_its_own() -> None:
    of = likelihood(data_dim=2)
    with torch.no_grad():
        of.raw_log_scale.copy_(torch.tensor([-2.0, 0.0]))
    log_p = of.log_prob(torch.zeros(1, 2), torch.zeros(1, 2))
    alone = [likelihood(), likelihood()]
    with torch.no_grad():
        alone[0].raw_log_scale.fill_(-2.0)
    torch.testing.assert_close(log_p, sum(one.log_prob(torch.zeros(1, 1), torch.zeros(1, 1)) for one in alone))


def test_samples_round_a_logistic(monkeypatch: Any) -> None:
    of, n = likelihood(), 1000
    u = (torch.arange(n) + 0.5) / n
    monkeypatch.setattr(torch, "rand_like", lambda outputs: u.unsqueeze(1))
    x = of.sample(torch.full((n, 1), 0.4)).squeeze(1)
    share = torch.stack([(x - value).abs().lt(1e-9).sum() for value in torch.linspace(0, 1, 5)]) / n
    torch.testing.assert_close(share, mass(of, torch.linspace(0, 1, 5), 0.4), rtol=0, atol=1 / n)


def test_one_value_is_no_distribution() -> None:
    with pytest.raises(UserError, match=r"model\.likelihood\.levels must be at least 2, got 1"):
        likelihood(levels=1)
