"""The value falls by a factor when the validation bound no longer rises."""

import pytest
import torch

from tests.problems import node
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.schedule.plateau import Plateau

BOUNDS = (-10.0, -9.0, -9.0, -9.5, -9.0, -8.0, -8.5, -8.4, -8.3, -8.2, -8.1, -8.05, -7.0, -7.5, -7.5, -7.5, -7.5, -7.5)


def plateau(**keys: float) -> Plateau:
    return make(node("optimizer/schedule/plateau", **keys), {})


@pytest.mark.parametrize("patience", [0, 1, 2])
def test_it_falls_where_torchs_does(patience: int) -> None:
    schedule = plateau(factor=0.3, patience=patience, end=0.05)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode="max", factor=0.3, patience=patience, threshold=0.0, min_lr=0.05, eps=0.0
    )
    values = []
    for bound in BOUNDS:
        schedule.validated(bound)
        theirs.step(bound)
        values.append(schedule.at(0.0))
        assert values[-1] == pytest.approx(optimizer.param_groups[0]["lr"])
    assert values[0] == 1.0
    assert values[-1] < 0.1


def test_its_state_is_in_finite_buffers_that_are_restored_in_place() -> None:
    one, other = plateau(patience=0), plateau(patience=0)
    assert all(bool(torch.isfinite(tensor)) for tensor in one.buffers())
    for bound in BOUNDS[:4]:
        one.validated(bound)
    for mine, saved in zip(other.buffers(), one.buffers(), strict=True):
        mine.copy_(saved)
    assert other.at(0.0) == one.at(0.0) == 0.25
    for schedule in (one, other):
        schedule.validated(-9.0)  # as good as the best is not better
    assert other.at(0.0) == one.at(0.0) == 0.125


@pytest.mark.parametrize("keys", [{"start": 0.0}, {"factor": 1.0}, {"factor": 0.0}, {"patience": -1}, {"end": -0.1}])
def test_what_is_no_plateau_is_refused(keys: dict[str, float]) -> None:
    with pytest.raises(UserError, match=f"^{next(iter(keys))} must be"):
        plateau(**keys)
