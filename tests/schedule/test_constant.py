"""value(t) = v."""

import math

import pytest

from tests.problems import node
from vaerun.errors import UserError
from vaerun.experiment.make import make


def test_it_stays() -> None:
    schedule = make(node("objective/kl_weight/constant", constant=0.3), {})
    for epochs in (0.0, 0.5, 1e6):
        assert schedule.at(epochs) == 0.3
        schedule.advance(epochs)
        assert abs(float(schedule()) - 0.3) < 1e-7


@pytest.mark.parametrize("constant", [-0.1, math.inf, math.nan])
def test_what_is_no_weight_is_refused(constant: float) -> None:
    with pytest.raises(UserError, match=r"^constant must be (at least 0|finite), got"):
        make(node("objective/kl_weight/constant", constant=constant), {})
