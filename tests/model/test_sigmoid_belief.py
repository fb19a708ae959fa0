"""p_θ(x, z) = p(x given z_1) Π_l Bernoulli(z_l; σ(A_l (2 z_{l+1} − 1) + b_l)) p(z_L)."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli

from tests.composition import composed
from tests.problems import bernoulli_space, node, space
from vaerun.config import hydra
from vaerun.config.check import check
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.model.prior.bernoulli import BernoulliPrior
from vaerun.model.sigmoid_belief import BeliefPrior, SigmoidBelief

pytestmark = pytest.mark.usefixtures("exact")

MEAN = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)


def model_of(*layers: int, **keys: Any) -> SigmoidBelief:
    """With drawn weights."""
    facts = {"latent_dim": None, "data_dim": 3, "data_mean": MEAN, "data_std": 0.4}
    model: SigmoidBelief = make(node("model/sigmoid_belief", layers=list(layers), **keys), facts)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight))
    return model


def prior_of(model: SigmoidBelief) -> BeliefPrior:
    assert isinstance(model.prior, BeliefPrior)
    return model.prior


def test_each_layer_is_bits_given_the_one_above() -> None:
    model, z = model_of(2, 3, 1), space("binary", 6).z[:, 0]
    prior = prior_of(model)
    z1, z2, z3 = z[:, :2], z[:, 2:5], z[:, 5:]

    def given(above: Tensor, read: nn.Module) -> Bernoulli:
        return Bernoulli(logits=(2 * above - 1) @ read.weight.T + read.bias)  # type: ignore[operator]

    first, second = prior.maps
    peer = Bernoulli(logits=prior.top.logits).log_prob(z3).sum(-1)
    peer = peer + given(z3, second).log_prob(z2).sum(-1) + given(z2, first).log_prob(z1).sum(-1)
    torch.testing.assert_close(prior.log_prob(z), peer)
    pixels = given(z1, model.decoder.layers[-1])
    torch.testing.assert_close(
        model.log_likelihood(MEAN.round().expand(64, 3), z), pixels.log_prob(MEAN.round()).sum(-1)
    )
    assert model.latent_dim == 6


@pytest.mark.parametrize("layers", [(2,), (2, 1), (1, 2, 1)])
def test_its_ancestral_samples_have_the_enumerated_probabilities(layers: tuple[int, ...]) -> None:
    model, n = model_of(*layers), 20_000
    over = space("binary", sum(layers)).z
    p_z = model.prior.log_prob(over)[:, 0].exp().detach()
    assert float(p_z.sum()) == pytest.approx(1, abs=1e-12)
    codes = 2 ** torch.arange(sum(layers)).flip(0)  # the order in which they are listed
    share = torch.bincount((model.prior.sample(n) @ codes.double()).long(), minlength=len(p_z)) / n
    assert ((share - p_z).abs() <= 5 * (p_z * (1 - p_z) / n).sqrt()).all()
    x = bernoulli_space(3)
    p_x = model.log_joint(x, over.expand(-1, 8, -1)).exp().sum(0).detach()
    assert float(p_x.sum()) == pytest.approx(1, abs=1e-12)
    drawn = torch.bincount((model.sample(n) @ torch.tensor([4.0, 2.0, 1.0])).long(), minlength=8) / n
    assert ((drawn - p_x).abs() <= 5 * (p_x * (1 - p_x) / n).sqrt()).all()


def test_it_is_defined_between_the_bits_and_moves_with_them() -> None:
    """What a relaxation needs: the formulas at soft z, with gradients into every layer."""
    model, z = model_of(2, 1), torch.rand(3, 4, 3, requires_grad=True)
    log_p = model.log_joint(torch.ones(4, 3), z)
    (gradient,) = torch.autograd.grad(log_p.sum(), z)
    assert log_p.isfinite().all()
    assert (gradient.abs() > 0).all()
    corner = torch.ones(1, 4, 3)
    near = model.log_joint(torch.ones(4, 3), corner - 1e-9)
    torch.testing.assert_close(near, model.log_joint(torch.ones(4, 3), corner), rtol=0, atol=1e-6)


def test_fair_coins_do_not_move_the_first_pixels_from_the_datas_mean() -> None:
    facts = {"latent_dim": None, "data_dim": 3, "data_mean": MEAN, "data_std": 0.4}
    model = make(node("model/sigmoid_belief", layers=[4, 2]), facts)
    torch.testing.assert_close(model.mean(torch.full((1, 6), 0.5))[0].detach(), MEAN)
    assert float(model.prior.log_prob(torch.ones(1, 6)).detach()) < 0


def test_one_layer_has_the_prior_itself_and_its_closed_forms() -> None:
    assert isinstance(model_of(3).prior, BernoulliPrior)


def test_it_refuses_what_is_not_over_bits() -> None:
    cfg, choices = composed(["model=sigmoid_belief", "estimator=score"])
    with pytest.raises(UserError, match="posterior=gaussian is over real z, but model=sigmoid_belief is over binary z"):
        check(cfg, choices, [hydra.own_directory()])
    cfg, choices = composed(["model=sigmoid_belief", "estimator=score", "posterior=bernoulli"])
    check(cfg, choices, [hydra.own_directory()])


@pytest.mark.parametrize("layers", [(), (3, 0)])
def test_no_layers_are_refused(layers: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match=r"model\.layers must hold one or more sizes of at least 1, got \["):
        model_of(*layers)
