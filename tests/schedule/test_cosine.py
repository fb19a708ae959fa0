"""value(t) = end + (start − end) · (1 + cos(π t / epochs)) / 2."""

import pytest
import torch

from tests.problems import node
from vaerun.errors import UserError
from vaerun.experiment.make import make


@pytest.mark.parametrize("keys", [{"epochs": 8}, {"epochs": None}])
def test_it_is_torchs_cosine_until_its_end_and_stays_there(keys: dict[str, float | None]) -> None:
    schedule = make(node("optimizer/schedule/cosine", end=0.1, **keys), {"trainer_epochs": 8})
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=8, eta_min=0.1)
    for epoch in range(9):
        assert schedule.at(epoch) == pytest.approx(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()
    assert schedule.at(2.5) == pytest.approx(0.1 + 0.45 * (1 + 0.5555702330))  # cos(5π/16)
    assert schedule.at(99) == pytest.approx(0.1)


@pytest.mark.parametrize("keys", [{"epochs": 0}, {"start": -1.0}, {"end": -0.1}])
def test_what_is_no_cosine_is_refused(keys: dict[str, float]) -> None:
    with pytest.raises(UserError, match=f"^{next(iter(keys))} must be"):
        make(node("optimizer/schedule/cosine", **keys), {})
