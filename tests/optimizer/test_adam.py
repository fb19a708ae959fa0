"""Adam over θ and λ."""

import io
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.problems import node
from vaerun.experiment.make import make
from vaerun.optimizer import adam
from vaerun.optimizer.adam import Adam
from vaerun.optimizer.base import Optimizer

SETTINGS = {"learning_rate": 0.1, "beta1": 0.7, "beta2": 0.9, "weight_decay": 0.01}
TORCHS: dict[str, Any] = {"lr": 0.1, "betas": (0.7, 0.9), "weight_decay": 0.01, "fused": True}
SHAPES = ((3, 4), (4,), (2, 3, 2))

pytestmark = pytest.mark.usefixtures("seeded")


def weights(dtype: torch.dtype = torch.float32) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(1)
    return [nn.Parameter(torch.randn(shape, generator=generator, dtype=dtype)) for shape in SHAPES]


def gradients(steps: int, dtype: torch.dtype = torch.float32) -> Iterator[list[Tensor | None]]:
    """Random ones, for another subset of the weights at each step."""
    for step in range(1, steps + 1):
        yield [torch.randn(shape, dtype=dtype) if step & (1 << place) else None for place, shape in enumerate(SHAPES)]


def move(optimizer: Optimizer, held: Sequence[nn.Parameter], slopes: Sequence[Tensor | None]) -> None:
    for weight, slope in zip(held, slopes, strict=True):
        weight.grad = slope
    optimizer.step()


def equal(one: Sequence[Tensor], other: Sequence[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("settings", "torchs"), [(SETTINGS, TORCHS), ({}, {"fused": True})])
def test_it_is_torchs_fused_adam_to_the_bit(settings: dict, torchs: dict, dtype: torch.dtype) -> None:
    one, other = weights(dtype), weights(dtype)
    ours, theirs = make(node("optimizer/adam", **settings), {})(one), torch.optim.Adam(other, **torchs)
    for slopes in gradients(12, dtype):
        move(ours, one, slopes)
        move(theirs, other, slopes)
        assert equal(one, other)
    assert not any(torch.equal(a, b) for a, b in zip(one, weights(dtype), strict=True))
    assert [int(ours.state[weight]["step"]) for weight in one] == [6, 6, 5]


@pytest.mark.parametrize("changed", [{}, {"weight_decay": 0.0}, {"beta1": 0.0}, {"beta2": 0.0}, {"max_norm": 2.0}])
def test_plain_operations_do_what_the_kernel_does(changed: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> None:
    one, other, third = (weights(torch.float64) for _ in range(3))
    plain, fused, inlined = (Adam(held, **{**SETTINGS, **changed}) for held in (one, other, third))
    for step, slopes in enumerate(gradients(12, torch.float64)):
        for optimizer in (plain, fused, inlined):
            optimizer.param_groups[0]["lr"] = 0.1 / (1 + step // 3)
        move(fused, other, slopes)
        with monkeypatch.context() as patch:
            patch.setattr(adam, "kernel", None)
            move(plain, one, slopes)
        inlined.move(third, slopes, inlined.rate)
    torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(third, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("max_norm", [0.1, 2.0, 1e6])
def test_a_gradient_is_clipped_by_its_whole_norm(max_norm: float) -> None:
    one, other = weights(torch.float64), weights(torch.float64)
    ours, theirs = Adam(one, max_norm=max_norm), torch.optim.Adam(other, fused=True)
    for slopes in gradients(12, torch.float64):
        move(ours, one, slopes)
        for weight, slope in zip(other, slopes, strict=True):
            weight.grad = None if slope is None else slope.clone()
        nn.utils.clip_grad_norm_(other, max_norm)
        theirs.step()
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)  # torch adds 1e-6 to the norm


def test_a_gradient_of_zero_is_not_clipped() -> None:
    held = weights()
    move(Adam(held, max_norm=1.0), held, [torch.zeros(shape) for shape in SHAPES])
    assert equal(held, weights())


def test_a_state_is_loaded_where_it_is() -> None:
    held = weights()
    ours = Adam(held)
    places = ours.state_tensors(held)
    begun = ours.state_dict()
    move(ours, held, [torch.ones(shape) for shape in SHAPES])
    moved = [value.clone() for value in places]
    saved = {"state": {0: {name: value.clone() for name, value in ours.state[held[0]].items()}}}
    ours.load_state_dict(saved | {"param_groups": begun["param_groups"]})
    assert all(value is place for value, place in zip(ours.state_tensors(held), places, strict=True))
    assert [float(value.sum()) != 0 for value in places] == [True, False, False] * 3
    assert torch.equal(places[0], moved[0])


def test_the_order_of_a_gradient_in_memory_does_not_matter() -> None:
    one, other = weights(), weights()
    slopes = [torch.randn(shape) for shape in SHAPES]
    turned = [slope.transpose(0, -1).contiguous().transpose(0, -1) for slope in slopes]
    assert not turned[0].is_contiguous()
    move(Adam(one), one, slopes)
    move(Adam(other), other, turned)
    assert equal(one, other)


def test_without_a_gradient_nothing_moves() -> None:
    held = weights()
    move(Adam(held, weight_decay=0.1), held, [None] * len(held))
    assert equal(held, weights())


def test_the_step_size_can_be_changed_between_steps() -> None:
    one, other = weights(), weights()
    ours, theirs = Adam(one), torch.optim.Adam(other, fused=True)
    for step, slopes in enumerate(gradients(7)):
        for group in (*ours.param_groups, *theirs.param_groups):
            group["lr"] = 0.1 / (step + 1)
        move(ours, one, slopes)
        move(theirs, other, slopes)
    assert equal(one, other)


@pytest.mark.parametrize("first", [Adam, lambda held: torch.optim.Adam(held, fused=True)], ids=["own", "torch's"])
def test_it_goes_on_from_what_was_saved(first: Any) -> None:
    whole, parts = weights(), weights()
    slopes = list(gradients(12))
    uninterrupted, before, after = Adam(whole), first(parts), Adam(parts, learning_rate=0.5)
    for some in slopes:
        move(uninterrupted, whole, some)
    for some in slopes[:6]:
        move(before, parts, some)
    file = io.BytesIO()
    torch.save(before.state_dict(), file)
    file.seek(0)
    after.load_state_dict(torch.load(file, weights_only=True))
    move(before, parts, [None] * 3)
    for some in slopes[6:]:
        move(after, parts, some)
    assert equal(whole, parts)


def test_what_was_loaded_is_its_own() -> None:
    held, other = weights(), weights()
    ours, copy = Adam(held), Adam(other)
    move(ours, held, [torch.ones(shape) for shape in SHAPES])
    saved = ours.state_dict()
    copy.load_state_dict(saved)
    move(copy, other, [torch.ones(shape) for shape in SHAPES])
    assert [int(ours.state[weight]["step"]) for weight in held] == [1, 1, 1]
    assert not torch.equal(ours.state[held[0]]["exp_avg"], copy.state[other[0]]["exp_avg"])


def test_no_compiler_is_imported() -> None:
    program = (
        "import sys, torch; from vaerun.optimizer.adam import Adam; from vaerun.execution.device import *\n"
        "set_deterministic(False); weight = torch.nn.Parameter(torch.ones(2)); ours = Adam([weight])\n"
        "weight.grad = torch.ones(2); ours.step(); sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
