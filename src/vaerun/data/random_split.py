"""N ↦ the rows of train, valid and test: a random split of a source that has no splits of its own."""

from collections.abc import Mapping
from typing import NamedTuple, final

import torch
from torch import Tensor

from vaerun.config.ranges import above
from vaerun.data.mapped import Rows, selected
from vaerun.data.stream import stream
from vaerun.errors import UserError, counted


class Divided(NamedTuple):
    """The stored rows of train, valid and test, and where they stand in their source."""

    own: dict[str, Tensor]  # the places of the splits that the source has, Int[Tensor, "N"] each
    places: tuple[Tensor, Tensor, Tensor]  # of train, valid and test
    rows: tuple[Rows, Rows, Rows]


@final
class RandomSplit:
    """(train, valid, test) by torch's randperm of N from a seed.

    The first int(N · test_fraction) points of the permutation are test, the next int(N · valid_fraction) valid, and the
    rest train.

    Args:
        seed: of the permutation, the key ``data.split_seed``.
        valid_fraction: fraction of the validation points, above 0.
        test_fraction: fraction of the test points, above 0.

    Raises:
        UserError: a value is out of range.
    """

    keys = ("data.split_seed", "data.valid_fraction", "data.test_fraction")

    def __init__(self, *, seed: int, valid_fraction: float, test_fraction: float) -> None:
        above("data.valid_fraction", valid_fraction, 0)
        above("data.test_fraction", test_fraction, 0)
        if valid_fraction + test_fraction >= 1:
            raise UserError(
                f"data.valid_fraction + data.test_fraction must be below 1, got {valid_fraction} + {test_fraction}."
            )
        stream("data.split_seed", seed)
        self.seed, self.valid_fraction, self.test_fraction = seed, valid_fraction, test_fraction

    def rows(self, count: int, what: object) -> tuple[Tensor, Tensor, Tensor]:
        """The rows of train, valid and test among ``count`` points, each Int[Tensor, "N"].

        Args:
            count: N.
            what: the file or data set, for the error message.

        Raises:
            UserError: a split would have too few points.
        """
        return self.completed({"train": torch.arange(count)}, what)

    def completed(self, own: Mapping[str, Tensor], what: object) -> tuple[Tensor, Tensor, Tensor]:
        """The rows of train, valid and test, where a split that the source does not have is taken from train.

        Args:
            own: the rows of the splits that the source has, train and perhaps valid and test.
            what: the file or data set, for the error message.

        Raises:
            UserError: a split would have too few points.
        """
        if "valid" in own and "test" in own:
            return own["train"], own["valid"], own["test"]
        count = len(own["train"])
        num_test = 0 if "test" in own else int(count * self.test_fraction)
        num_valid = 0 if "valid" in own else int(count * self.valid_fraction)
        taken = [number for name, number in (("test", num_test), ("valid", num_valid)) if name not in own]
        if min(taken) < 1 or count - sum(taken) < 2:
            raise UserError(
                f"valid and test need 1 point each and train needs 2, but {what} holds {counted(count, 'point')} at "
                f"data.valid_fraction={self.valid_fraction} and data.test_fraction={self.test_fraction}: use more "
                "points or other fractions."
            )
        order = own["train"][torch.randperm(count, generator=stream("data.split_seed", self.seed))]
        test, valid, train = order.split([num_test, num_valid, count - num_test - num_valid])
        return train, own.get("valid", valid), own.get("test", test)

    def divided(self, rows: dict[str, Rows], what: object) -> Divided:
        """The rows of train, valid and test, where a split that the source does not have is taken from train.

        Args:
            rows: by split of the source, train first. The dict is emptied: rows that were copied are freed here, and
                the passes over the data that follow do not find them in memory.
            what: the file or data set, for the error message.

        Raises:
            UserError: a split would have too few points.
        """
        counts = [len(part) for part in rows.values()]
        own = dict(zip(rows, torch.arange(sum(counts)).split(counts), strict=True))
        places = self.completed(own, what)
        train, valid, test = (
            rows[split] if place is own.get(split) else selected(rows["train"], place)
            for split, place in zip(("train", "valid", "test"), places, strict=True)
        )
        rows.clear()
        if len(train) < 2:
            raise UserError(f"train must hold at least 2 points, got {len(train)} in {what}: use more points.")
        return Divided(own, places, (train, valid, test))

    def unused(self, own: Mapping[str, Tensor]) -> tuple[str, ...]:
        """The keys of this class that have no effect on a source with these splits of its own."""
        if "valid" in own and "test" in own:
            return self.keys
        return tuple(f"data.{name}_fraction" for name in ("valid", "test") if name in own)
