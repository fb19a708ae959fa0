from collections.abc import Mapping

import numpy as np
import pytest

from vaerun.tracking.base import Tracker, code_block
from vaerun.tracking.fanout import Fanout


class Memory(Tracker):
    """Remembers what it was told; fails at the end if it is to."""

    def __init__(self, fails: bool = False) -> None:
        self.heard: list[tuple[object, ...]] = []
        self.fails = fails

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self.heard.append(("scalars", step, values))

    def images(self, step: int, name: str, grid: np.ndarray) -> None:
        self.heard.append(("images", step, name, grid.shape))

    def text(self, name: str, markdown: str) -> None:
        self.heard.append(("text", name, markdown))

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
    tracker.scalars(1, {"elbo/train": -1.0})
    tracker.images(1, "samples", np.zeros((2, 3), np.uint8))
    tracker.close("completed")
    expected = [
        ("hparams", {"seed": 0}),
        ("text", "config", "seed: 0"),
        ("scalars", 1, {"elbo/train": -1.0}),
        ("images", 1, "samples", (2, 3)),
        ("close", "completed"),
    ]
    assert [member.heard for member in members] == [expected, expected]


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_one_that_cannot_close_does_not_keep_the_others_open(bad: int) -> None:
    members = [Memory(fails=i == bad) for i in range(3)]
    with pytest.raises(OSError, match="disk full"):
        Fanout(members).close("failed")
    assert all(member.heard == [("close", "failed")] for member in members)


@pytest.mark.parametrize("text", ["seed: 0\n", "a\n```\nb\n```\nc", "````"])
def test_a_code_block_cannot_be_ended_from_within(text: str) -> None:
    first, *inside, last = code_block(text, "yaml").splitlines()
    assert first.removesuffix("yaml") == last
    assert set(last) == {"`"}
    assert len(last) >= 3
    assert "\n".join(inside) == text.rstrip()
    assert last not in text
