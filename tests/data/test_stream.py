import pytest
import torch

from vaerun.data.stream import stream
from vaerun.errors import UserError


def draw(seed: int, place: int) -> tuple[float, ...]:
    return tuple(torch.rand(4, generator=stream("seed", seed, place)).tolist())


def test_a_stream_depends_on_seed_and_place_alone():
    first = draw(3, 5)
    torch.rand(7)
    assert draw(3, 5) == first


def test_no_two_streams_near_each_other_agree():
    draws = {draw(seed, place) for seed in range(12) for place in range(12)}
    assert len(draws) == 144


def test_the_global_generator_is_left_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    draw(1, 1)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("seed", [-1, 0.5, "0", True, None])
def test_what_is_no_seed_is_refused_by_its_key(seed):
    with pytest.raises(UserError, match=r"data\.split_seed must be a whole number of at least 0, got"):
        stream("data.split_seed", seed)
