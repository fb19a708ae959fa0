"""value(t) = start + (end − start) · min(1, τ / proportion), cycle by cycle."""

import pytest

from tests.problems import node
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.schedule.cyclic import Cyclic


def cyclic(**keys: float) -> Cyclic:
    return make(node("objective/kl_weight/cyclic", **keys), {})


def test_it_rises_in_every_cycle_and_stays_after_the_last() -> None:
    schedule = cyclic(start=0.2, end=1.0, epochs=8, cycles=2, proportion=0.5)
    assert float(schedule()) == pytest.approx(0.2)
    for epochs, value in ((1.0, 0.6), (2.0, 1.0), (3.9, 1.0), (4.0, 0.2), (5.0, 0.6), (6.5, 1.0), (8.0, 1.0), (99, 1)):
        schedule.advance(epochs)
        assert schedule.at(epochs) == pytest.approx(value)
        assert float(schedule()) == pytest.approx(value)


@pytest.mark.parametrize("epochs", [0.0, 0.7, 3.9, 10.0, 11.0])
def test_one_cycle_that_rises_throughout_is_the_linear_warm_up(epochs: float) -> None:
    linear = make(node("objective/kl_weight/linear", start=0.1, end=2.0, epochs=10), {})
    one = cyclic(start=0.1, end=2.0, epochs=10, cycles=1, proportion=1.0)
    assert one.at(epochs) == pytest.approx(linear.at(epochs))


@pytest.mark.parametrize("keys", [{"epochs": 0}, {"cycles": 0}, {"proportion": 0.0}, {"proportion": 1.5}])
def test_what_is_no_cycle_is_refused(keys: dict[str, float]) -> None:
    with pytest.raises(UserError, match=next(iter(keys))):
        cyclic(**keys)
