"""φ = f_λ(x): one gradient over θ and λ."""

import pytest
import torch

from tests.problems import exact_elbo, linear_strategy, plain_ascent, quadrature, simulated
from vaerun.notation import Batch

pytestmark = pytest.mark.usefixtures("exact")


def test_theta_and_lambda_follow_one_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    quadrature(monkeypatch)
    x = simulated(6)
    strategy = linear_strategy("amortized", x, optimizer=plain_ascent)
    weights = [*strategy.bound.model.parameters(), *strategy.amortizer.parameters()]
    assert {id(w) for w in strategy.weights} == {id(w) for w in weights}
    gradients = torch.autograd.grad(exact_elbo(strategy.bound.model, x, strategy.amortizer(x)).mean(), weights)
    before = [w.detach().clone() for w in weights]
    strategy.step(Batch(torch.arange(6), x))
    for weight, old, gradient in zip(weights, before, gradients, strict=True):
        torch.testing.assert_close(weight.detach() - old, gradient)


def test_every_point_is_encoded_and_nothing_is_stored() -> None:
    x = simulated(6)
    strategy = linear_strategy("amortized", x, k=3)
    strategy.step(Batch(torch.arange(6), x))
    assert (strategy.decoder_evaluations, strategy.encoder_evaluations) == (18, 6)
    for split in ("train", "valid", "test", "new"):
        inference = strategy.infer(x, torch.arange(6), split)
        assert torch.equal(inference.phi, strategy.amortizer(x).detach())
        assert not inference.phi.requires_grad
    counts = strategy.num_parameters()
    assert counts == {"theta": 6 * 2 + 6 + 1, "lam": 4 * 6 + 4, "phi": 0}
