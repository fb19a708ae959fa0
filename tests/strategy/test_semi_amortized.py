"""φ_0 = f_λ(x), T steps of ascent, θ at φ_T."""

import pytest
import torch

from tests.law.test_strategy import train
from tests.problems import (
    PlainAscent,
    exact_elbo,
    linear_strategy,
    options,
    plain_ascent,
    quadrature,
    simulated,
    variants,
)
from vaerun.errors import UserError
from vaerun.model.linear_gaussian import maximum_log_likelihood
from vaerun.notation import Batch
from vaerun.strategy import semi_amortized

pytestmark = pytest.mark.usefixtures("exact")

RATE = 1e-3
ENCODERS = options("strategy/encoder_loss")


def test_every_way_to_train_the_encoder_is_a_variant() -> None:
    assert [nested["encoder_loss"] for name, nested in variants("strategy") if name == "semi_amortized"] == ENCODERS


@pytest.mark.parametrize("encoder", ENCODERS)
def test_theta_moves_at_the_refined_phi(encoder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quadrature(monkeypatch)
    x, rows = simulated(6), PlainAscent(RATE)
    strategy = linear_strategy(
        "semi_amortized", x, optimizer=plain_ascent, rows=rows, nested={"encoder_loss": encoder}, steps=3
    )
    model = strategy.bound.model
    guess = phi = strategy.amortizer(x).detach()
    for _ in range(3):
        leaf = phi.clone().requires_grad_()
        phi = phi + RATE * torch.autograd.grad(exact_elbo(model, x, leaf).sum(), leaf)[0]
    elbo = exact_elbo(model, x, phi)
    (d_W,) = torch.autograd.grad(elbo.mean(), model.W)
    W = model.W.detach().clone()
    estimate = strategy.step(Batch(torch.arange(6), x))
    torch.testing.assert_close(estimate.value, elbo.detach())
    torch.testing.assert_close(estimate.diagnostics["refinement"], (phi - guess).norm(dim=1))
    assert rows.updates == 3
    if encoder != "unrolled":  # there W moves φ_T, too
        torch.testing.assert_close(model.W.detach() - W, d_W)


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_encoder_comes_near_the_maximum_likelihood(encoder: str) -> None:
    x = simulated()
    strategy = linear_strategy("semi_amortized", x, nested={"encoder_loss": encoder}, steps=3)
    train(strategy, x, 300)
    model, maximum = strategy.bound.model, maximum_log_likelihood(x, 2)
    with torch.no_grad():
        assert maximum - 0.1 < float(model.exact_log_prob(x).mean()) < maximum + 1e-9
        assert maximum - 0.1 < float(exact_elbo(model, x, strategy.infer(x).phi).mean()) < maximum + 1e-9
        assert maximum - 0.1 < float(exact_elbo(model, x, strategy.amortizer(x)).mean()) < maximum + 1e-9


def test_a_new_point_is_refined_from_its_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    quadrature(monkeypatch)
    monkeypatch.setattr(semi_amortized, "SAMPLES", 4)  # the noises of the quadrature
    x = simulated(6)
    strategy = linear_strategy("semi_amortized", x, rows=PlainAscent(RATE), test_steps=7)
    guess, model = strategy.amortizer(x).detach(), strategy.bound.model
    for split in ("train", "valid", "new"):
        inference = strategy.infer(x, torch.arange(6), split)
        assert (inference.diagnostics["inner_steps"] == 7).all()
        assert (exact_elbo(model, x, inference.phi) > exact_elbo(model, x, guess)).all()
    state = strategy.solver.optimizer.init(guess)
    torch.testing.assert_close(inference.phi, strategy.held_out_solver(x, guess, state, max_steps=7).phi)


@pytest.mark.parametrize("keys", [{"steps": 0}, {"test_steps": 0}])
def test_no_steps_are_refused(keys: dict[str, int]) -> None:
    with pytest.raises(UserError, match=next(iter(keys))):
        linear_strategy("semi_amortized", simulated(6), **keys)
