"""Any optimiser of torch.optim, with a limit on the gradient."""

import pytest
import torch
from torch import nn

from tests.optimizer.test_adam import equal, gradients, move, weights
from tests.problems import node
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.optimizer.torch_optimizer import TorchOptimizer

pytestmark = pytest.mark.usefixtures("seeded")


def made(held: list[nn.Parameter], name: str = "RAdam", **keys: float) -> TorchOptimizer:
    method = {"_target_": f"torch.optim.{name}", "_partial_": True, **keys}
    return make(node("optimizer/torch", learning_rate=0.1, max_norm=2.0, method=method), {})(held)


@pytest.mark.parametrize("name", ["RAdam", "NAdam", "RMSprop", "Adagrad", "Adadelta", "ASGD", "Rprop"])
def test_it_takes_the_steps_of_the_method_with_clipped_gradients(name: str) -> None:
    one, other = weights(torch.float64), weights(torch.float64)
    ours, theirs = made(one, name), getattr(torch.optim, name)(other, lr=0.1)
    for slopes in gradients(8, torch.float64):
        move(ours, one, slopes)
        for weight, slope in zip(other, slopes, strict=True):
            weight.grad = None if slope is None else slope.clone()
        nn.utils.clip_grad_norm_(other, 2.0)
        theirs.step()
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)  # torch adds 1e-6 to the norm


def test_its_state_goes_on() -> None:
    whole, parts = weights(), weights()
    uninterrupted, before, after = made(whole), made(parts), made(parts)
    slopes = list(gradients(12))
    for some in slopes:
        move(uninterrupted, whole, some)
    for some in slopes[:6]:
        move(before, parts, some)
    after.load_state_dict(before.state_dict())
    for some in slopes[6:]:
        move(after, parts, some)
    assert equal(whole, parts)


@pytest.mark.parametrize(
    ("name", "keys", "said"),
    [
        ("LBFGS", {}, "optimizer.method=LBFGS evaluates the loss several times"),
        ("RAdam", {"weight_decay": -1.0}, "optimizer.method cannot be made .Invalid weight_decay value: -1.0."),
        ("RAdam", {"odd": 1.0}, "optimizer.method cannot be made"),
    ],
)
def test_a_method_that_cannot_serve_is_refused(name: str, keys: dict[str, float], said: str) -> None:
    with pytest.raises(UserError, match=said):
        made(weights(), name, **keys)


def test_a_class_of_torch_that_is_no_optimiser_is_refused() -> None:
    with pytest.raises(UserError, match="is refused"):
        make(node("optimizer/torch", method={"_target_": "torch.nn.Linear", "_partial_": True}), {})
