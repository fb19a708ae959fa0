"""value(t) = start · factor^n, where n of the milestones are ≤ t."""

import pytest
import torch

from tests.problems import node
from vaerun.errors import UserError
from vaerun.experiment.make import make


def test_it_is_torchs_multi_step_schedule() -> None:
    schedule = make(node("optimizer/schedule/milestones", factor=0.3, milestones=[2, 3, 7]), {})
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[2, 3, 7], gamma=0.3)
    for epoch in range(10):
        assert schedule.at(epoch) == schedule.at(epoch + 0.99) == pytest.approx(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()
    assert schedule.length == 7
    assert schedule.at(7) == schedule.at(1e6)


@pytest.mark.parametrize("key", ["start", "factor"])
def test_what_is_no_factor_is_refused(key: str) -> None:
    with pytest.raises(UserError, match=f"^{key} must be > 0"):
        make(node("optimizer/schedule/milestones", **{key: 0}), {})


@pytest.mark.parametrize("milestones", [[], [0, 3], [3, 3], [5, 2]])
def test_what_does_not_increase_is_refused(milestones: list[int]) -> None:
    with pytest.raises(UserError, match=r"^milestones must be epochs > 0 in increasing order, got \["):
        make(node("optimizer/schedule/milestones", milestones=milestones), {})
