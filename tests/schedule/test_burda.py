"""3^i epochs at 10^(−i/7), i = 0, …, 7."""

import pytest

from tests.problems import node
from vaerun.errors import UserError
from vaerun.experiment.make import make


def test_every_epoch_of_the_eight_stages_has_its_rate() -> None:
    schedule = make(node("optimizer/schedule/burda"), {})
    written = [10 ** (-i / 7) for i in range(8) for _ in range(3**i)]
    assert len(written) == schedule.length == 3280
    for epoch, rate in enumerate(written):
        assert schedule.at(epoch) == schedule.at(epoch + 0.999) == pytest.approx(rate)
    assert schedule.at(5000) == pytest.approx(0.1)


def test_one_stage_is_refused() -> None:
    with pytest.raises(UserError, match="stages must be at least 2"):
        make(node("optimizer/schedule/burda", stages=1), {})
