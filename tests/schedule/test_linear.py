"""value(t) = start + (end − start) · min(1, t / epochs)."""

import pytest

from tests.problems import node
from vaerun.errors import UserError
from vaerun.experiment.make import make


def test_it_rises_and_stays() -> None:
    schedule = make(node("objective/kl_weight/linear", start=0.2, end=1.0, epochs=4), {})
    assert float(schedule()) == pytest.approx(0.2)
    for epochs, value in ((0.0, 0.2), (1.0, 0.4), (3.5, 0.9), (4.0, 1.0), (400.0, 1.0), (2.0, 0.6)):
        schedule.advance(epochs)
        assert schedule.at(epochs) == pytest.approx(value)
        assert float(schedule()) == pytest.approx(value)


def test_its_value_is_a_tensor_that_a_compiled_step_and_a_checkpoint_see() -> None:
    schedule = make(node("objective/kl_weight/linear"), {})
    held = schedule()
    schedule.advance(5.0)
    assert float(held) == 0.5
    assert float(schedule.state_dict()["value"]) == 0.5


@pytest.mark.parametrize("epochs", [0, -1])
def test_a_warm_up_without_length_is_refused(epochs: int) -> None:
    with pytest.raises(UserError, match="epochs"):
        make(node("objective/kl_weight/linear", epochs=epochs), {})
