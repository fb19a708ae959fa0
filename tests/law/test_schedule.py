"""Schedules: finite from the start on, a number of the epochs alone, and held in a buffer."""

import math

import pytest
import torch

from tests.problems import node, options
from vaerun.experiment.make import make


@pytest.mark.parametrize("name", options("objective/kl_weight"))
def test_advancing_sets_what_at_says_whatever_came_before(name: str) -> None:
    schedule = make(node(f"objective/kl_weight/{name}"), {})
    assert float(schedule()) == pytest.approx(schedule.at(0.0))
    for epochs in (7.3, 0.0, 1e4, 0.01):
        schedule.advance(epochs)
        assert math.isfinite(schedule.at(epochs))
        assert float(schedule()) == pytest.approx(schedule.at(epochs))
        assert schedule().shape == ()
    assert torch.equal(schedule.state_dict()["value"], schedule())
