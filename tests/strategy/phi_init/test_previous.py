"""A visit starts at the φ of the last visit."""

import pytest
import torch

from tests.problems import PlainAscent, linear_strategy, simulated
from vaerun.notation import Batch

pytestmark = pytest.mark.usefixtures("exact")


def test_the_second_visit_starts_where_the_first_ended() -> None:
    x, rows = simulated(6), torch.arange(6)
    strategy = linear_strategy("coordinate", x, rows=PlainAscent(1e-3), max_steps=3)
    assert torch.equal(strategy.begin(Batch(rows, x)).phi, strategy.initial.expand(6, -1))
    strategy.step(Batch(rows, x))
    ended = strategy.table("train").phi.clone()
    start = strategy.begin(Batch(rows, x))
    assert torch.equal(start.phi, ended)
    assert (start.state.steps == 3).all()
