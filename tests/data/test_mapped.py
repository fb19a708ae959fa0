"""Rows of a mapped file behave as the tensor of the same values."""

import numpy as np
import pytest
import torch

from vaerun.data import mapped
from vaerun.data.mapped import MappedRows, empty_rows, in_any_order, selected, write_rows
from vaerun.errors import UserError

X = torch.arange(60.0).view(20, 3)


def rows(x: torch.Tensor = X) -> MappedRows:
    """The values in a scratch file."""
    return write_rows((part.numpy() for part in x.split(6)), *x.shape, x.dtype, "x")


@pytest.mark.parametrize("few", [2, 100])
def test_rows_are_selected_as_of_a_tensor(monkeypatch, few):
    monkeypatch.setattr(mapped, "FEW", few)
    places = torch.tensor([7, 2, 19, 2, 0])
    for own, same in ((rows(), X), (selected(rows(), places), X[places])):
        assert own.shape == same.shape
        assert len(own) == len(same)
        assert own.numel() == same.numel()
        index = torch.tensor([4, 1, 1, 0])
        assert torch.equal(own.index_select(0, index), same[index])
        assert torch.equal(own[1], same[1])
        assert torch.equal(own[-1], same[-1])
        assert torch.equal(own[::2], same[::2])
        assert torch.equal(torch.cat(list(own.split(3))), same)
        assert torch.equal(own.at(index)[:], same[index])
        assert (own.min(), own.max()) == (same.min(), same.max())
        assert sorted(torch.cat(list(in_any_order(own, 2))).tolist()) == sorted(same.tolist())


def test_blocks_do_not_change_the_order(monkeypatch):
    monkeypatch.setattr(mapped, "BLOCK", 50)  # 4 rows
    order = torch.randperm(20, generator=torch.Generator().manual_seed(0))
    pieces = list(rows().at(order).split(3))
    assert torch.equal(torch.cat(pieces), X[order])
    assert all(len(piece) == 3 for piece in pieces[:-1])


def test_pages_that_were_given_back_keep_what_was_written(monkeypatch):
    monkeypatch.setattr("vaerun.system.scratch.RESIDENT", 10)
    own = empty_rows(20, 3, torch.float32, "x")
    for i in range(20):
        own.x[i] = X[i]
        own.mapping.use(12)
    assert torch.equal(own[:], X)


def test_a_file_with_other_rows_than_it_says_is_refused():
    for count in (19, 21):
        with pytest.raises(UserError, match=f"t.parquet must hold {count} rows, as its header says, got 20"):
            write_rows([X.numpy()], count, 3, torch.float32, "t.parquet")
    assert write_rows([X.numpy().astype(np.uint8)], 20, 3, torch.uint8, "x").dtype == torch.uint8
