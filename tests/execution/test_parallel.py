"""What processes exchange; with one process, nothing."""

import os
import signal
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch

from tests import forked
from tests.several import CPU, limited, together
from vaerun.errors import DivergedError, RunError, UserError
from vaerun.execution import parallel, team
from vaerun.execution.parallel import World

FAILURES: dict[str, tuple[BaseException, type[BaseException], str]] = {
    "divergence": (DivergedError("θ is not finite"), DivergedError, r"θ is not finite \(rank 1 of 2\)"),
    "a bug": (ValueError("a bug"), RunError, r"ValueError: a bug \(rank 1 of 2\)"),
}


def test_one_process_exchanges_nothing() -> None:
    tensor = torch.tensor([1.0, 2.0])
    parallel.average([tensor, None])
    parallel.copy_first([tensor])
    parallel.wait()
    assert tensor.tolist() == [1.0, 2.0]
    assert parallel.totals([3, 4]) == [3, 4]
    assert parallel.gathered("a") == ["a"]
    assert parallel.of_first("a") == "a"
    assert parallel.collect(tensor, 2) is tensor
    assert parallel.share(iter([1, 2]), lambda part: part + 1, CPU) == [2, 3]
    assert parallel.rows(7) == range(7)


@pytest.mark.parametrize(("count", "size"), [(7, 2), (10, 4), (3, 4), (1, 1)])
def test_every_point_belongs_to_one_process(count: int, size: int) -> None:
    parts, seeds = [], set()
    for rank in range(size):
        with parallel.one_of(World(rank, size)):
            parts.append(parallel.rows(count))
            seeds.add(parallel.seed_of_rank(0))
    assert [point for part in parts for point in part] == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert len(seeds) == size
    assert parallel.size() == 1


def exchanges() -> dict[str, Any]:
    """What one of two processes finds."""
    rank = parallel.rank()
    torch.manual_seed(0)
    one, other = torch.full((2, 2), float(rank)), torch.tensor(3.0 * rank)
    parallel.average([one, None, other])
    held = torch.tensor([float(rank)])
    parallel.copy_first([held])
    own = parallel.rows(5)
    flags = parallel.collect(torch.arange(5)[own.start : own.stop] % 2 == 0, 5)
    shared = parallel.share(list(own), lambda point: {"point": torch.tensor([point]), "draw": torch.rand(1)}, CPU)
    return {
        "average": [one.tolist(), float(other)],
        "totals": parallel.totals([1, rank]),
        "gathered": parallel.gathered(rank),
        "of_first": parallel.of_first(f"from {rank}"),
        "copy_first": float(held),
        "collect": flags.tolist(),
        "points": [int(part["point"]) for part in shared],
        "draws": len({float(part["draw"]) for part in shared}),
        "after": len({float(draw) for draw in parallel.gathered(torch.rand(()))}),
    }


@pytest.mark.slow
def test_two_processes_exchange() -> None:
    assert together(exchanges) == {
        "average": [[[0.5, 0.5], [0.5, 0.5]], 1.5],
        "totals": [2, 1],
        "gathered": [0, 1],
        "of_first": "from 0",
        "copy_first": 0.0,
        "collect": [True, False, True, False, True],
        "points": [0, 1, 2, 3, 4],
        "draws": 5,  # each process has random numbers of its own inside share
        "after": 1,  # and the same ones again after it
    }


def failing(name: str) -> None:
    """Process 1 fails while process 0 waits for it."""
    if parallel.rank() == 1:
        if name == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        raise FAILURES[name][0]
    parallel.wait()


@pytest.mark.slow
@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_of_one_process_is_that_of_all_with_its_reason(name: str) -> None:
    _, kind, sentence = FAILURES[name]
    with pytest.raises(kind, match=sentence):
        together(failing, name)


@pytest.mark.slow
def test_a_killed_process_ends_all() -> None:
    with pytest.raises(RunError, match=r"rank 1 of 2 was killed by signal 9 \(SIGKILL\)"):
        together(failing, "killed")


def after_a_group_that_failed() -> None:
    """Another run of the same process, as in a notebook."""
    torch.distributed.distributed_c10d._world.group_count = 3
    assert together(parallel.gathered, "met") == ["met", "met"]


@pytest.mark.slow
def test_a_group_that_failed_does_not_let_the_next_one_wait(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    ran = forked.finished(after_a_group_that_failed, [], cwd=tmp_path, environment=environment, timeout=120)
    assert ran.returncode == 0, ran.stderr


def refusing() -> NoReturn:
    raise UserError("no data")


@pytest.mark.slow
def test_a_process_that_fails_before_it_joins_does_not_let_the_others_wait() -> None:
    with limited(), team.leading(2) as others:
        assert others is not None
        with pytest.raises(UserError, match=r"no data \(rank 1 of 2\)"):
            others.join(CPU, refusing)
    assert all(child.poll() is not None for child in others.children)
