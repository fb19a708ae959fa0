"""TF32 is permitted while a program trains, and at no other time; what it does takes a CUDA device."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.execution.engine.test_compiled import bound_of, run
from vaerun.bound.value_and_grad import ValueAndGrad
from vaerun.execution.engine.base import Program
from vaerun.execution.engine.eager import Eager
from vaerun.execution.engine.tf32 import TF32, permit

SWITCHES = (torch.backends.cuda.matmul, torch.backends.cudnn)


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = permitted()
    permit(False)
    yield
    for switch, allowed in zip(SWITCHES, before, strict=True):
        switch.allow_tf32 = allowed


def permitted() -> list[bool]:
    return [switch.allow_tf32 for switch in SWITCHES]


class Watching(Program):
    """Notes what is permitted."""

    def __call__(self, *inputs: Tensor) -> Any:
        self.seen = permitted()
        return inputs[0].reshape(5)


@pytest.mark.parametrize("training", [True, False])
def test_only_training_is_permitted_it(training: bool) -> None:
    program = Watching(nn.Identity().train(training))
    TF32(Eager())(program, torch.ones(5))
    assert program.seen == [training, training]
    assert permitted() == [False, False]


def test_a_program_that_fails_leaves_nothing_permitted() -> None:
    with pytest.raises(RuntimeError):
        TF32(Eager())(Watching(nn.Identity()), torch.ones(4))
    assert permitted() == [False, False]


@pytest.mark.skipif(
    not torch.cuda.is_available() or torch.cuda.get_device_capability() < (8, 0), reason="no tensor cores with TF32"
)
def test_training_is_near_and_evaluation_the_same() -> None:
    bound = bound_of("gaussian").to("cuda")
    x, phi = (torch.rand(64, 3) < 0.4).float().to("cuda"), torch.randn(64, 4, device="cuda")
    value_and_grad = ValueAndGrad(bound, bound, list(bound.parameters()))
    exact, rounded = (run(engine, value_and_grad, x, phi)[0].estimate.value for engine in (Eager(), TF32(Eager())))
    torch.testing.assert_close(rounded, exact, rtol=2.0**-8, atol=2.0**-8)
    bound.eval()
    exact, rounded = (run(engine, value_and_grad, x, phi)[0].estimate.value for engine in (Eager(), TF32(Eager())))
    assert torch.equal(rounded, exact)
