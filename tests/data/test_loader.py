import pytest
import torch

from vaerun.data.loader import Loader, sweep
from vaerun.data.split import Redrawn, Scaled, Split
from vaerun.errors import UserError
from vaerun.execution import parallel
from vaerun.execution.parallel import World


@pytest.fixture
def split() -> Split:
    return Split(torch.arange(46, dtype=torch.uint8).reshape(23, 2), Scaled(0.5))


def indices(loader: Loader, e: int, start: int = 0) -> list[list[int]]:
    return [batch.index.tolist() for batch in loader.epoch(e, start)]


def test_batches_have_one_shape_and_the_rest_is_dropped(split):
    loader = Loader(split, batch_size=5, seed=0)
    batches = list(loader.epoch(0))
    assert loader.steps_per_epoch == len(batches) == 4
    assert {(tuple(b.index.shape), tuple(b.x.shape), b.x.dtype) for b in batches} == {((5,), (5, 2), torch.float32)}


def test_each_point_comes_at_most_once_with_its_own_values(split):
    batches = list(Loader(split, batch_size=5, seed=0).epoch(0))
    index = torch.cat([batch.index for batch in batches])
    assert len(index.unique()) == 20
    for batch in batches:
        assert torch.equal(batch.x, split.x[batch.index].float() * 0.5)


def test_every_point_is_visited_within_some_epochs(split):
    loader = Loader(split, batch_size=5, seed=0)
    assert {i for e in range(5) for batch in indices(loader, e) for i in batch} == set(range(23))


@pytest.mark.parametrize("start", [0, 1, 3, 4])
def test_the_order_can_be_re_entered_at_any_position(split, start):
    whole = indices(Loader(split, batch_size=5, seed=7), 2)
    torch.rand(11)
    again = Loader(split, batch_size=5, seed=7)
    assert indices(again, 2, start) == whole[start:]


def test_epochs_and_seeds_have_orders_of_their_own(split):
    orders = [indices(Loader(split, batch_size=5, seed=seed), e) for seed in range(3) for e in range(3)]
    assert all(a != b for i, a in enumerate(orders) for b in orders[:i])


def test_the_order_neither_reads_nor_moves_the_global_generator(split):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    indices(Loader(split, batch_size=5, seed=0), 0)
    assert torch.equal(torch.rand(3), expected)


def test_a_batch_above_n_is_clipped(split):
    loader = Loader(split, batch_size=1000, seed=0)
    assert loader.batch_size == 23
    assert [len(batch.x) for batch in loader.epoch(0)] == [23]


@pytest.mark.parametrize("batch_size", [0, -3])
def test_an_empty_batch_is_refused(split, batch_size):
    with pytest.raises(UserError, match=f"batch_size must be at least 1, got {batch_size}"):
        Loader(split, batch_size=batch_size, seed=0)
    with pytest.raises(UserError, match=f"batch_size must be at least 1, got {batch_size}"):
        next(sweep(split, batch_size))


def test_redrawn_rows_differ_between_epochs_and_stored_ones_do_not():
    x = torch.full((8, 40), 128, dtype=torch.uint8)
    first, second = ([b.x for b in Loader(Split(x, Redrawn(1 / 255)), batch_size=8, seed=0).epoch(0)] for _ in range(2))
    assert not torch.equal(first[0], second[0])
    first, second = ([b.x for b in Loader(Split(x, Scaled(1 / 255)), batch_size=8, seed=0).epoch(0)] for _ in range(2))
    assert torch.equal(first[0], second[0])


def test_a_sweep_sees_all_points_in_order(split):
    batches = list(sweep(split, 10))
    assert [len(batch.x) for batch in batches] == [10, 10, 3]
    assert torch.cat([batch.index for batch in batches]).tolist() == list(range(23))
    assert torch.equal(torch.cat([batch.x for batch in batches]), split.x.float() * 0.5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_cuda_split_is_visited_there_in_the_order_of_the_cpu(split):
    here, there = (list(Loader(s, batch_size=5, seed=0).epoch(1)) for s in (split, split.to("cuda")))
    for a, b in zip(here, there, strict=True):
        assert b.index.device.type == b.x.device.type == "cuda"
        assert torch.equal(a.index, b.index.cpu())
        assert torch.equal(a.x, b.x.cpu())


def test_processes_divide_every_batch_and_keep_their_own_points(split):
    seen = []
    for rank in range(2):
        with parallel.one_of(World(rank, 2)):
            loader = Loader(split, batch_size=6, seed=0, own=True)
            assert loader.steps_per_epoch == 3  # as with one process: 23 // 6
            batches = [batch for e in range(6) for batch in indices(loader, e)]
            assert {len(batch) for batch in batches} == {3}
            seen.append({i for batch in batches for i in batch})
            assert indices(Loader(split, batch_size=6, seed=0), 1) == indices(Loader(split, batch_size=6, seed=0), 1)
            whole = [i for batch in sweep(split, 4, 10) for i in batch.index.tolist()]
            own = [i for batch in sweep(split, 4, 10, own=True) for i in batch.index.tolist()]
            assert own == [i for i in whole if i in parallel.rows(23)]
    assert seen == [set(range(11)), set(range(11, 23))]


def test_one_process_has_the_order_of_a_loader_of_all_points(split):
    assert indices(Loader(split, batch_size=5, seed=3, own=True), 2) == indices(Loader(split, batch_size=5, seed=3), 2)
