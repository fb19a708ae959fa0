"""Skipped steps, for each of vaerun's own optimisers and for one of torch.optim."""

import io

import pytest
import torch

from tests.optimizer.test_adam import equal, move, weights
from tests.problems import node, options
from vaerun.experiment.make import make
from vaerun.optimizer.base import SKIPPED_STEPS, TraceableOptimizer

SMALL, LARGE = ([torch.full_like(weight, value) for weight in weights()] for value in (0.1, 10.0))
BROKEN = [SMALL[0], SMALL[1], torch.full_like(SMALL[2], torch.nan)]
NAMES = options("optimizer")


@pytest.mark.parametrize("inlined", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_skipped_step_changes_nothing_but_the_count(name: str, inlined: bool) -> None:
    one, other = weights(), weights()
    # Clipping comes after the decision, on the norm of the gradient as it is.
    skipping = make(node(f"optimizer/{name}", skip_norm=5.0, max_norm=1.0), {})(one)
    plain = make(node(f"optimizer/{name}", max_norm=1.0), {})(other)
    if inlined and not isinstance(skipping, TraceableOptimizer):
        pytest.skip("it is not part of a program")
    for slopes in (SMALL, LARGE, SMALL, BROKEN, SMALL):
        if inlined:
            skipping.move(one, slopes, skipping.rate)
        else:
            move(skipping, one, [slope.clone() for slope in slopes])
        if slopes is SMALL:
            if inlined:
                plain.move(other, slopes, plain.rate)
            else:
                move(plain, other, [slope.clone() for slope in slopes])
        assert equal(one, other)
    assert int(skipping.metrics()[SKIPPED_STEPS]) == 2
    assert plain.metrics() == {}
    assert not equal(one, weights())


@pytest.mark.parametrize("name", NAMES)
def test_the_count_and_the_step_size_are_saved(name: str) -> None:
    one, other = weights(), weights()
    before, after = (make(node(f"optimizer/{name}", skip_norm=5.0), {})(held) for held in (one, other))
    count = after.skipped
    for slopes in (SMALL, LARGE):
        move(before, one, slopes)
    before.param_groups[0]["lr"] = 0.25
    file = io.BytesIO()
    torch.save(before.state_dict(), file)
    file.seek(0)
    after.load_state_dict(torch.load(file, weights_only=True))
    assert after.skipped is count
    assert int(count) == 1
    assert after.param_groups[0]["lr"] == 0.25
