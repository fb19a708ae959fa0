"""value(t) = max(end, start · exp(−rate · t))."""

import math

import pytest

from tests.problems import node
from vaerun.errors import UserError
from vaerun.experiment.make import make


def test_it_decays_and_stops() -> None:
    schedule = make(node("estimator/temperature/exponential", start=2.0, end=0.5, rate=0.1), {})
    assert schedule.at(0) == 2.0
    assert schedule.at(3) == pytest.approx(2 * math.exp(-0.3))
    assert schedule.at(1000) == 0.5
    schedule.advance(3)
    assert float(schedule()) == pytest.approx(2 * math.exp(-0.3))


@pytest.mark.parametrize("keys", [{"end": 0.0}, {"start": 0.4, "end": 0.5}, {"rate": -0.1}])
def test_what_is_no_decay_is_refused(keys: dict[str, float]) -> None:
    with pytest.raises(UserError, match=f"^{list(keys)[-1]} must be"):
        make(node("estimator/temperature/exponential", **keys), {})
