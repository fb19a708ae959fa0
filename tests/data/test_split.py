"""Points with what else is known about them: what is given follows x, and missing values count in no mean."""

import dataclasses

import pytest
import torch
from torch import nan

from vaerun.data.base import Dataset
from vaerun.data.split import Split, are_counts, fingerprint
from vaerun.errors import UserError

X = torch.tensor([[1.0, 2.0], [3.0, nan], [5.0, 6.0]])


def test_what_is_given_follows_the_values_of_each_point() -> None:
    split = Split(X, given=torch.tensor([[7.0], [8.0], [9.0]]))
    assert split.points(torch.tensor([2, 0])).tolist() == [[5.0, 6.0, 9.0], [1.0, 2.0, 7.0]]
    assert split.points(slice(1)).tolist() == [[1.0, 2.0, 7.0]]


def test_missing_values_count_in_no_mean() -> None:
    split = Split(X)
    assert split.mean().tolist() == [3.0, 4.0]
    assert split.std() == pytest.approx(((8 / 3 + 4.0) / 2) ** 0.5)


def test_a_part_with_other_rows_is_refused() -> None:
    with pytest.raises(UserError, match="labels must have one row for each of the 3 points, got 2"):
        Split(X, labels=torch.zeros(2, dtype=torch.int64))


def test_the_fingerprint_covers_what_is_given() -> None:
    one, other = (Split(X, given=torch.full((3, 1), value)) for value in (0.0, 1.0))
    assert len({fingerprint(Split(X)), fingerprint(one), fingerprint(other)}) == 3


def test_each_point_keeps_its_row_of_the_source_and_what_the_source_says_of_it() -> None:
    source = torch.rand(12, 3)
    rows = torch.randperm(12, generator=torch.Generator().manual_seed(0)).split([6, 3, 3])
    plain = Dataset.of(source)
    parts = [Split(source[own]) for own in rows]
    data = dataclasses.replace(plain, train=parts[0], valid=parts[1], test=parts[2]).annotated(
        rows, given=source[:, :1] + 1, given_names=["c"], labels=torch.arange(12) % 2, label_names=["even", "odd"]
    )
    for split in (data.train, data.valid, data.test):
        assert split.source_rows is not None
        assert split.labels is not None
        assert torch.equal(source[split.source_rows], split.x)
        assert torch.equal(split.points()[:, 3], split.x[:, 0] + 1)
        assert torch.equal(split.labels, split.source_rows % 2)
    assert data.info().given == ("c",)
    assert data.info().labels == ("even", "odd")
    assert data.sha256 != plain.sha256
    assert torch.equal(data.to("cpu").test.points(), data.test.points())


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        ([0, 3, 2e9], True),
        ([0, 3.5, 2e9], False),
        ([5e9, 5.1e9, 6e9], False),  # whole numbers only because float32 has no others there
        ([nan, 4, 7], True),
        ([nan, 4, -7], False),
    ],
)
def test_counts_are_whole_numbers_among_values_that_could_be_others(values: list[float], counts: bool) -> None:
    assert are_counts(torch.tensor(values, dtype=torch.float32).unsqueeze(1)) == counts
