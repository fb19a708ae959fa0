"""Schedules that did not come to their end, by hand."""

import pytest

from vaerun.schedule.base import Schedule
from vaerun.schedule.cyclic import Cyclic
from vaerun.schedule.exponential import Exponential
from vaerun.schedule.linear import Linear
from vaerun.trainer.cut_schedules import cut_schedules


def said(schedule: Schedule, steps: int, epochs: int = 10) -> list[str]:
    return list(cut_schedules({"kl_weight": schedule}, steps=steps, steps_per_epoch=2, epochs=epochs, why="enough"))


@pytest.mark.parametrize(
    "schedule",
    [Linear(0, 1, epochs=5), Cyclic(0, 1, epochs=5, cycles=2, proportion=0.5), Exponential(1.0, 0.5, rate=1.0)],
)
def test_a_schedule_at_its_end_is_not_spoken_of(schedule: Schedule) -> None:
    assert said(schedule, 20) == []
    assert said(schedule, 10) == []


def test_the_last_value_and_that_of_the_end_are_said() -> None:
    (sentence,) = said(Linear(0, 1, epochs=5), 6)
    assert sentence.startswith(
        "kl_weight was 0.5 at the last step, not 1 as at the end of its schedule of 5 epochs, because the training "
        "ended after 3 epochs (enough)"
    )
    assert "stay bounds" in sentence


def test_a_flat_part_of_a_cycle_is_no_end() -> None:
    cyclic = Cyclic(0, 1, epochs=8, cycles=2, proportion=0.5)
    assert cyclic.at(3.5) == cyclic.at(8) == 1
    assert len(said(cyclic, 7)) == 1


def test_a_warm_up_longer_than_all_epochs_is_said_for_objects_made_by_hand() -> None:
    assert len(said(Linear(0, 1, epochs=90), 20)) == 1


def test_a_decay_is_measured_against_the_planned_epochs() -> None:
    slow = Exponential(1.0, 0.1, rate=0.01)
    assert said(slow, 20) == []
    (sentence,) = said(slow, 10)
    assert "not 0.905 as at the end of its schedule of trainer.epochs=10" in sentence
