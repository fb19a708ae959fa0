"""What a checkpoint holds, and what it refuses."""

import math
from pathlib import Path

import pytest
import torch

from tests.runs import equal
from tests.trainer.given import CPU, Given
from vaerun.trainer.checkpoint import Progress, first_non_finite, load, restore, write
from vaerun.trainer.checkpoint_writer import copied
from vaerun.trainer.running_means import RunningMeans

pytestmark = pytest.mark.usefixtures("seeded")


def test_a_value_that_is_merely_large_is_finite() -> None:
    large = torch.full((1000,), torch.finfo(torch.float32).max)
    assert first_non_finite({"large": large, "none": torch.empty(0), "count": torch.tensor(3)}) is None
    assert first_non_finite({"large": large, "odd": torch.tensor([0.0, math.nan, 1.0])}) == "odd"


def test_all_is_put_back(tmp_path: Path) -> None:
    given = Given()
    write(tmp_path / "last.pt", before := copied(given.at(7, 1.25)))
    given.at(9, -3.0)
    torch.rand(5)
    means = RunningMeans()
    progress = restore(load(tmp_path / "last.pt", CPU), strategy=given.strategy, means=means, data=given.data)
    assert progress == Progress(step=7)
    assert equal(given.at(7), before)
