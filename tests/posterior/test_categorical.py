"""q(z; φ) = Π_v Categorical(z_v; softmax φ_v)."""

import pytest
import torch
from torch.distributions import OneHotCategorical, kl_divergence

from tests.problems import node, objective, space
from vaerun.bound.bound import Bound
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.posterior.categorical import Categorical

pytestmark = pytest.mark.usefixtures("exact")


def test_density_mean_and_kl_are_those_of_independent_categoricals() -> None:
    family: Categorical = make(node("posterior/categorical", num_classes=3), {"latent_dim": 6})
    assert family.num_parameters == 6
    phi = torch.randn(4, 6)
    q, peer = family(phi), OneHotCategorical(logits=phi.unflatten(1, (2, 3)))
    z = q.sample(5)
    blocks = z.unflatten(-1, (2, 3))
    assert torch.equal(blocks.sum(-1), torch.ones(5, 4, 2))
    torch.testing.assert_close(q.log_prob(z), peer.log_prob(blocks).sum(-1))
    torch.testing.assert_close(q.mean(), peer.mean.flatten(1))
    prior = make(node("model/prior/categorical", num_classes=3), {"latent_dim": 6})
    with torch.no_grad():
        prior.logits.copy_(torch.randn(6))
    other = OneHotCategorical(logits=prior.logits.detach().unflatten(0, (2, 3)).expand(4, -1, -1))
    torch.testing.assert_close(q.kl(prior).detach(), kl_divergence(peer, other).sum(-1))
    assert q.support_size == len(q.support()) == 9


def test_noise_given_the_winner_is_distributed_as_noise_of_a_winner() -> None:
    """Of three classes, also where two lose: the moments of g among draws that harden to z, class by class."""
    k = 200_000
    q = Categorical(latent_dim=3, num_classes=3)(torch.tensor([[0.5, -1.0, 0.2]]))
    g = q.perturb(q.noise(k))
    z = q.harden(g)
    for winner in space("categorical", 3, num_classes=3).z:
        free = g[(z == winner).all(-1)[:, 0]][:, 0]
        given = q.condition(winner.expand(k, 1, 3), q.noise(k))[:, 0]
        assert torch.equal(q.harden(given), winner.expand(k, 3))
        for f in (lambda t: t, torch.square, lambda t: t * t.roll(1, -1)):
            one, other = f(free), f(given)
            error = (one.var(0) / len(one) + other.var(0) / k).sqrt()
            assert ((one.mean(0) - other.mean(0)).abs() < 5 * error).all()


def test_soft_values_are_on_the_simplex_and_harden_as_the_temperature_falls() -> None:
    q = Categorical(latent_dim=6, num_classes=3)(torch.randn(2, 6))
    g = q.perturb(q.noise(100))
    soft = q.soften(g, torch.tensor(0.7)).unflatten(-1, (2, 3))
    torch.testing.assert_close(soft.sum(-1), torch.ones(100, 2, 2))
    torch.testing.assert_close(soft, (g / 0.7).unflatten(-1, (2, 3)).softmax(-1))


def test_a_sure_class_is_sure() -> None:
    q = Categorical(latent_dim=3, num_classes=3)(torch.tensor([[0.0, 1e4, -1e4]]))
    sure = torch.tensor([0.0, 1.0, 0.0])
    assert torch.equal(q.sample(50), sure.expand(50, 1, 3))
    assert q.log_prob(sure.expand(1, 1, 3)).item() == 0
    given = q.condition(torch.eye(3).unsqueeze(1), q.noise(3))
    assert torch.equal(q.harden(given), torch.eye(3).unsqueeze(1))


def test_equal_values_of_two_classes_have_noise_and_a_derivative() -> None:
    """In floating point a draw can have them: the sample given z is then g again, and its derivative is finite."""
    logits = torch.tensor([[0.5, -1.0, 0.2]], requires_grad=True)
    q = Categorical(latent_dim=3, num_classes=3)(logits)
    g = torch.tensor([[[1.0, 1.0, -0.5]]])
    z = q.harden(g)
    given = q.condition(z, q.conditional_noise(z, g))
    torch.testing.assert_close(given, g)
    (slope,) = torch.autograd.grad(given.sum(), logits)
    assert slope.isfinite().all()


@pytest.mark.parametrize(
    ("dim", "classes", "remedy"), [(25, 10, "latent_dim=20"), (3, 10, "latent_dim=10"), (4, 1, "at least 2, got 1")]
)
def test_blocks_that_do_not_fit_are_refused(dim: int, classes: int, remedy: str) -> None:
    with pytest.raises(UserError, match=remedy):
        Categorical(latent_dim=dim, num_classes=classes)


def test_a_prior_over_other_blocks_is_refused() -> None:
    facts = {"latent_dim": 4, "data_mean": torch.tensor([0.2, 0.7]), "data_dim": 2, "data_std": 1.0}
    vae = node("model/vae", {"prior": "categorical"}, latent_dim=4)
    vae["prior"]["num_classes"] = 4
    parts = {"objective": objective("elbo", 1), "estimator": make(node("estimator/score"), {})}
    with pytest.raises(UserError, match="must be equal"):
        Bound(model=make(vae, facts), family=Categorical(latent_dim=4, num_classes=2), **parts)
    Bound(model=make(vae, facts), family=Categorical(latent_dim=4, num_classes=4), **parts)
