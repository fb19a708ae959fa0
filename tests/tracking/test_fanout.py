from collections.abc import Mapping

import numpy as np
import pytest

from vaerun.image.embedding import Embedding
from vaerun.metric.metric import Metric
from vaerun.tracking.base import Tracker
from vaerun.tracking.fanout import Fanout


class Memory(Tracker):
    """Remembers what it was told; fails at the end if it is to."""

    def __init__(self, fails: bool = False) -> None:
        self.heard: list[tuple[object, ...]] = []
        self.fails = fails

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self.heard.append(("scalars", step, values))

    def declare(self, metrics: Mapping[str, Metric]) -> None:
        self.heard.append(("declare", *metrics))

    def images(self, step: int, name: str, grid: np.ndarray) -> None:
        self.heard.append(("images", step, name, grid.shape))

    def text(self, name: str, markdown: str, *, step: int = 0) -> None:
        self.heard.append(("text", name, markdown, step))

    def embedding(self, embedding: Embedding) -> None:
        self.heard.append(("embedding", embedding.name))

    def hparams(self, values: Mapping[str, float | str | bool]) -> None:
        self.heard.append(("hparams", values))

    def close(self, status: str) -> None:
        self.heard.append(("close", status))
        if self.fails:
            raise OSError("disk full")


def test_everything_reaches_everyone() -> None:
    members = Memory(), Memory()
    tracker = Fanout(members)
    tracker.hparams({"seed": 0})
    tracker.text("config", "seed: 0")
    tracker.declare({"elbo": Metric("elbo", "a bound")})
    tracker.scalars(1, {"elbo/train": -1.0})
    tracker.images(1, "samples", np.zeros((2, 3), np.uint8))
    tracker.embedding(Embedding("z", np.zeros((2, 3)), {}))
    tracker.text("results", "completed", step=1)
    tracker.close("completed")
    expected = [
        ("hparams", {"seed": 0}),
        ("text", "config", "seed: 0", 0),
        ("declare", "elbo"),
        ("scalars", 1, {"elbo/train": -1.0}),
        ("images", 1, "samples", (2, 3)),
        ("embedding", "z"),
        ("text", "results", "completed", 1),
        ("close", "completed"),
    ]
    assert [member.heard for member in members] == [expected, expected]


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_one_that_cannot_close_does_not_keep_the_others_open(bad: int) -> None:
    members = [Memory(fails=i == bad) for i in range(3)]
    with pytest.raises(OSError, match="disk full"):
        Fanout(members).close("failed")
    assert all(member.heard == [("close", "failed")] for member in members)
