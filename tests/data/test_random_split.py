"""A random split holds every row once, and depends only on its seed."""

import weakref

import pytest
import torch

from vaerun.data.random_split import RandomSplit
from vaerun.errors import UserError


def split(seed: int = 0, valid: float = 0.2, test: float = 0.3) -> RandomSplit:
    return RandomSplit(seed=seed, valid_fraction=valid, test_fraction=test)


def test_every_row_belongs_to_one_split_of_the_size_asked_for() -> None:
    parts = split().rows(10, "x")
    assert [len(part) for part in parts] == [5, 2, 3]
    assert torch.cat(parts).sort().values.tolist() == list(range(10))
    assert all(torch.equal(one, other) for one, other in zip(parts, split().rows(10, "x"), strict=True))
    assert not torch.equal(torch.cat(parts), torch.cat(split(seed=1).rows(10, "x")))


@pytest.mark.parametrize(("valid", "test"), [(0.0, 0.1), (0.1, -0.1), (0.5, 0.5)])
def test_fractions_out_of_range_are_refused(valid: float, test: float) -> None:
    with pytest.raises(UserError, match="_fraction"):
        split(valid=valid, test=test)


def test_too_few_points_are_refused_with_their_number() -> None:
    with pytest.raises(UserError, match="few holds 4 points"):
        split().rows(4, "few")


def test_divided_rows_are_those_of_the_places_and_the_whole_is_not_kept() -> None:
    x = torch.arange(40.0).reshape(20, 2)
    source = {"train": x[:16].clone(), "test": x[16:].clone()}
    whole = weakref.ref(source["train"])
    own, places, rows = split(seed=3).divided(source, "t")
    assert torch.equal(torch.cat(rows), x[torch.cat(places)])
    assert torch.equal(rows[2], x[16:])
    assert list(own) == ["train", "test"]
    assert whole() is None
