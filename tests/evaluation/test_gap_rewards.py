"""ELBOs of several q with noise in common: their values, and what that noise amounts to."""

import math

import pytest
import torch

from tests.evaluation.given import bound_of, gaussian_problem
from tests.problems import (
    bernoulli_space,
    exact_elbo,
    family_and_model,
    linear_gaussian,
    log_evidence,
    objective,
    space,
    truth,
)
from vaerun.evaluation import gap_rewards as module
from vaerun.evaluation.gap_rewards import by_listing, draw
from vaerun.execution import memory as chunk

pytestmark = pytest.mark.usefixtures("exact")


@pytest.mark.parametrize(("numbers", "together"), [(2**19, 32), (30, 4)])
def test_means_and_their_noise_are_those_of_the_rewards(
    numbers: int, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound, x, best = gaussian_problem(orthogonal=False)
    phis = [best + 0.3, best]
    exact = torch.stack([exact_elbo(bound.model, x, phi).detach() for phi in phis])
    with monkeypatch.context() as patch:
        patch.setattr(chunk, "NUMBERS", {"cpu": numbers})
        patch.setattr(module, "TOGETHER", together)
        drawn = draw([bound, bound], x, phis, 400)
    for q in (0, 1):
        off = (drawn.mean[q] - exact[q]) / drawn.error(q)
        assert off.shape == (9,)
        assert float(off.abs().max()) < 4
    off = (drawn.mean[1] - drawn.mean[0] - exact[1] + exact[0]) / drawn.error(1, 0)
    assert float(off.abs().max()) < 4
    r = bound.rewards(x, best, 20_000)
    assert torch.allclose(drawn.error(1), r.std(0) / 20, rtol=0.3)
    assert float((drawn.log_mean[1] - bound.model.exact_log_prob(x).detach()).mean().abs()) < 0.03
    assert (drawn.log_mean >= drawn.mean).all()


def test_noise_in_common_leaves_less_of_it_in_a_difference() -> None:
    bound, x, best = gaussian_problem(orthogonal=False)
    drawn = draw([bound, bound], x, [best + 0.01, best], 200)
    assert (drawn.error(1, 0) < 0.5 * drawn.error(0)).all()
    assert torch.equal(draw([bound, bound], x, [best, best], 50).error(0, 1), torch.zeros(9))


def test_rewards_far_from_zero_keep_their_spread() -> None:
    model = linear_gaussian(torch.tensor([[1.0], [0.5]]), torch.full((2,), 1e4), 1e-2)
    family, _ = family_and_model("gaussian", latent_dim=1)
    x = model.sample(3) + 1000.0
    phi = torch.zeros(3, 2)
    drawn = draw([bound_of(model, family)], x, [phi], 1000)
    r = bound_of(model, family).rewards(x, phi, 1000)
    assert float(r.mean()) < -1e8
    assert torch.allclose(drawn.error(0), r.std(0) / math.sqrt(1000), rtol=0.2)


@pytest.mark.parametrize("posterior", ["bernoulli", "categorical", "autoregressive_bernoulli"])
def test_listed_z_leave_no_noise(posterior: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk, "NUMBERS", {"cpu": 20})
    family, model = family_and_model(posterior, latent_dim=2)
    bound, x = bound_of(model, family), bernoulli_space(3)
    phi = family.initial() + 0.5 * torch.randn(8, family.num_parameters)
    over = space(family.support, family.latent_dim)
    drawn = draw([bound, bound], x, [phi, phi + 0.1], 50)
    for i in range(8):
        q = family(phi[[i]])
        assert float(drawn.mean[0, i]) == pytest.approx(
            float(truth(q, model, objective("elbo", 1), x[[i]], over).bound.detach())
        )
    assert torch.equal(drawn.error(0), torch.zeros(8))
    assert torch.equal(drawn.error(1, 0), torch.zeros(8))
    assert (drawn.mean[0] <= log_evidence(model, x, over).detach()).all()


def test_what_cannot_be_listed_is_drawn() -> None:
    for posterior, dim in (("gaussian", 2), ("bernoulli", 13)):
        family, model = family_and_model(posterior, latent_dim=dim)
        assert by_listing(bound_of(model, family)) is None
    family, model = family_and_model("bernoulli", latent_dim=12)
    assert by_listing(bound_of(model, family)) is not None
