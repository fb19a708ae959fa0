"""value(t) = v."""

from tests.problems import node
from vaerun.build import make


def test_it_stays() -> None:
    schedule = make(node("objective/kl_weight/constant", constant=0.3), {})
    for epochs in (0.0, 0.5, 1e6):
        assert schedule.at(epochs) == 0.3
        schedule.advance(epochs)
        assert abs(float(schedule()) - 0.3) < 1e-7
