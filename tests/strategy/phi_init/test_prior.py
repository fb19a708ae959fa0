"""Every visit starts near the prior."""

import pytest
import torch

from tests.problems import PlainAscent, linear_strategy, simulated
from vaerun.notation import Batch

pytestmark = pytest.mark.usefixtures("exact")


def test_every_visit_starts_at_the_initial_phi_without_memory() -> None:
    x, rows = simulated(6), torch.arange(6)
    strategy = linear_strategy("coordinate", x, rows=PlainAscent(1e-3), max_steps=3, nested={"phi_init": "prior"})
    for _ in range(3):
        start = strategy.begin(Batch(rows, x))
        assert torch.equal(start.phi, strategy.initial.expand(6, -1))
        assert (start.state.steps == 0).all()
        strategy.step(Batch(rows, x))
        assert (strategy.table("train").state.steps == 3).all()
