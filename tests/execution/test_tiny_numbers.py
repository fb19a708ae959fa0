"""Numbers below the smallest normal one: 0 inside, as before outside, in training and in evaluations."""

from pathlib import Path
from typing import Any

import pytest
import torch

import vaerun
from vaerun.evaluation.bound import BoundEvaluation
from vaerun.execution.tiny_numbers import TINY, are_zero, tiny_numbers_are_zero
from vaerun.strategy.amortized import Amortized

NEEDED = pytest.mark.skipif(
    not torch.set_flush_denormal(False) and not torch.set_flush_denormal(True), reason="the processor has no such mode"
)


@NEEDED
def test_tiny_numbers_are_zero_inside_and_as_before_outside() -> None:
    assert not are_zero()
    with tiny_numbers_are_zero():
        assert are_zero()
        assert torch.tensor([TINY, 1.0]).mul(0.5).tolist() == [0, 0.5]
        with tiny_numbers_are_zero():
            pass
        assert are_zero()
    assert not are_zero()
    with pytest.raises(ValueError, match="inside"), tiny_numbers_are_zero():
        raise ValueError("inside")
    assert not are_zero()


@NEEDED
@pytest.mark.parametrize("watched", [(Amortized, "step"), (Amortized, "infer"), (BoundEvaluation, "__call__")])
def test_training_validation_and_test_compute_with_zero_and_leave_the_mode_as_it_was(
    watched: tuple[type, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, method = watched
    right, seen = getattr(owner, method), []

    def looked(*given: Any, **keys: Any) -> Any:
        seen.append(are_zero())
        return right(*given, **keys)

    monkeypatch.setattr(owner, method, looked)
    vaerun.train("trainer.epochs=1", "trainer.batch_size=1000", directory=tmp_path / "run")
    assert seen
    assert all(seen)
    assert not are_zero()
