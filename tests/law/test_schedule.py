"""Schedules: finite from the start on, a number of the epochs alone, and held in a buffer."""

import math

import pytest
import torch

from tests.problems import node, options
from vaerun.experiment.make import make

GROUPS = ("objective/kl_weight", "optimizer/schedule")


@pytest.mark.parametrize("path", [f"{group}/{name}" for group in GROUPS for name in options(group)])
def test_advancing_sets_what_at_says_whatever_came_before(path: str) -> None:
    schedule = make(node(path), {})
    assert float(schedule()) == pytest.approx(schedule.at(0.0))
    for epochs in (7.3, 0.0, 1e4, 0.01):
        schedule.advance(epochs)
        assert math.isfinite(schedule.at(epochs))
        assert float(schedule()) == pytest.approx(schedule.at(epochs))
        assert schedule().shape == ()
    assert torch.equal(schedule.state_dict()["value"], schedule())
