"""p(z) = (1/M) Σ_m q(z; f_λ(u_m))."""

from typing import Any

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from tests.law.test_combinations import POINTS, data
from tests.problems import node
from vaerun.errors import UserError
from vaerun.experiment.build import build_strategy
from vaerun.model.prior.vamp import Vamp
from vaerun.notation import Batch
from vaerun.strategy.base import Strategy

pytestmark = pytest.mark.usefixtures("seeded")


def strategy(name: str = "amortized", **keys: Any) -> Strategy:
    config = {
        "model": node("model/vae", latent_dim=2) | {"prior": node("model/prior/vamp", num_components=5) | keys},
        "posterior": node("posterior/gaussian"),
        "objective": node("objective/elbo"),
        "estimator": node("estimator/reparam"),
        "amortizer": node("amortizer/mlp", hidden=[8]),
        "local": node("local/solver"),
        "optimizer": node("optimizer/adam"),
        "trainer": node("trainer/default"),
        "execution": node("execution/default"),
        "strategy": node(f"strategy/{name}"),
    }
    return build_strategy(config, data(), torch.device("cpu"))


def vamp(of: Strategy) -> Vamp:
    prior = of.bound.model.prior
    assert isinstance(prior, Vamp)
    return prior


def test_it_is_the_mixture_of_the_encoders_posteriors() -> None:
    made = strategy()
    prior, z = vamp(made), torch.randn(3, 4, 2)
    with torch.no_grad():
        q = made.bound.family(made.infer(prior.pseudo_inputs()).phi)
        components = Independent(Normal(q.mu, q.log_sigma.exp()), 1)
        peer = MixtureSameFamily(Categorical(logits=torch.zeros(5)), components)
        torch.testing.assert_close(prior.log_prob(z), peer.log_prob(z))


def test_its_gradient_moves_the_encoder_and_the_pseudo_inputs() -> None:
    made = strategy()
    vamp(made).log_prob(torch.randn(3, 4, 2)).sum().backward()
    of_lam = [weight.grad for name, weight in made.named_parameters() if "amortizer" in name]
    assert len(of_lam) == 4
    assert all(grad is not None and grad.abs().sum() > 0 for grad in [vamp(made).standardised.grad, *of_lam])


def test_the_encoder_stays_lams() -> None:
    """The encoder is not part of θ, although p(z) depends on it."""
    made, x = strategy(), data().train.x.float()
    assert not any("guide" in name or "amortizer" in name for name, _ in made.bound.named_parameters())
    assert made.num_parameters()["theta"] == sum(p.numel() for p in made.bound.model.parameters())
    before = {name: weight.clone() for name, weight in made.named_parameters()}
    made.step(Batch(torch.arange(POINTS), x))
    assert not [name for name, weight in made.named_parameters() if torch.equal(weight, before[name])]


def test_pseudo_inputs_start_among_the_data() -> None:
    u, mean = vamp(strategy(num_components=4000)).pseudo_inputs().detach(), data().mean()
    assert (u.mean(0) - mean).abs().max() < 0.1
    assert float((u - mean).std()) == pytest.approx(data().std(), rel=0.05)


@pytest.mark.parametrize("name", ["joint", "coordinate"])
def test_without_an_encoder_it_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=r"model/prior=vamp needs an encoder.*use strategy=amortized"):
        strategy(name)


def test_a_prior_of_nothing_is_refused() -> None:
    with pytest.raises(UserError, match=r"model\.prior\.num_components must be at least 1, got 0"):
        strategy(num_components=0)
