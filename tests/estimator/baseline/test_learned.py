"""b(x) = X · network(x), which learns the credit and nothing else learns from."""

import pytest
import torch
from torch import Tensor

from tests.problems import family_and_model, node, objective, parameters
from vaerun.estimator.baseline.learned import Learned
from vaerun.experiment.make import make
from vaerun.posterior.base import Posterior

pytestmark = pytest.mark.usefixtures("exact")


def learned(data_mean: Tensor, data_std: float = 1.0, **keys: object) -> Learned:
    facts = {"data_dim": len(data_mean), "data_mean": data_mean, "data_std": data_std}
    return make(node("estimator/baseline/learned", **keys), facts)


def predict(baseline: Learned, x: Tensor) -> Tensor:
    q: Posterior = make(node("posterior/bernoulli"), {"latent_dim": 2})(torch.zeros(len(x), 2))
    return baseline(torch.randn(2, len(x)), objective("elbo", 2), x, q, torch.zeros(2, len(x), 2))


def test_it_sees_x_alone_and_standardised() -> None:
    """An x in another unit, moved and stretched as the data's mean and spread are, is the same x."""
    x, mean = torch.randn(5, 3), torch.tensor([0.1, -0.2, 0.3])
    one, other = learned(mean, 1.0), learned(mean * 7 + 2, 7.0)
    other.layers.load_state_dict(one.layers.state_dict())
    b = predict(one, x)
    assert b.shape == (5,)
    torch.testing.assert_close(b, predict(one, x))
    torch.testing.assert_close(b, predict(other, x * 7 + 2))
    torch.testing.assert_close(b, 3 * one.layers((x - mean) / 4).squeeze(1))


def test_the_gradients_of_surrogate_and_loss_do_not_mix() -> None:
    family, model = family_and_model("bernoulli", latent_dim=2)
    facts = {"data_dim": 3, "data_mean": torch.full((3,), 0.5), "data_std": 0.5}
    estimator = make(node("estimator/score", {"baseline": "learned"}), facts)
    phi = torch.randn(4, 2, requires_grad=True)
    x = torch.randint(2, (4, 3)).to(phi).requires_grad_()
    estimate = estimator(family(phi), model, objective("iwae", 3), x)
    others, own = [phi, *parameters(model)], parameters(estimator)
    assert own
    for gradient in torch.autograd.grad(estimate.surrogate.sum(), own, allow_unused=True, retain_graph=True):
        assert gradient is None
    for gradient in torch.autograd.grad(estimate.auxiliary, [*others, x], allow_unused=True, retain_graph=True):
        assert gradient is None
    assert all(gradient.abs().max() > 0 for gradient in torch.autograd.grad(estimate.auxiliary, own))


def test_its_loss_is_least_at_the_mean_credit_of_each_point() -> None:
    baseline, credit = learned(torch.zeros(3)), torch.randn(6, 2)
    for b in (credit.mean(0), credit.mean(0) + 0.1):
        leaf = b.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(baseline.loss(credit, leaf), leaf)
        torch.testing.assert_close(gradient, (b - credit.mean(0)) / 9)  # 2 (b − c̄) / X², over two points


def test_it_learns_what_depends_on_x() -> None:
    baseline = learned(torch.zeros(3), hidden=[])
    x = torch.randn(50, 3)
    credit = x @ torch.tensor([3.0, -2.0, 1.0]) - 80 + torch.tensor([[1.0], [-1.0]])
    optimizer = torch.optim.LBFGS(baseline.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimizer.zero_grad()
        loss = baseline.loss(credit, predict(baseline, x))
        loss.backward()
        return float(loss.detach())

    optimizer.step(closure)
    torch.testing.assert_close(predict(baseline, x).detach(), credit.mean(0), rtol=0, atol=1e-4)
