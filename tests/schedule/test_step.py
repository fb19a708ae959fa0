"""value(t) = start · factor^⌊t / every⌋."""

import pytest
import torch

from tests.problems import node
from vaerun.errors import UserError
from vaerun.experiment.make import make


def test_it_is_torchs_step_schedule() -> None:
    schedule = make(node("optimizer/schedule/step", factor=0.3, every=3), {})
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.3)
    for epoch in range(10):
        assert schedule.at(epoch) == schedule.at(epoch + 0.99) == pytest.approx(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()


@pytest.mark.parametrize("key", ["start", "factor", "every"])
def test_what_is_no_step_is_refused(key: str) -> None:
    with pytest.raises(UserError, match=f"^{key} must be > 0"):
        make(node("optimizer/schedule/step", **{key: 0}), {})
