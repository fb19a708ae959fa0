"""Fixtures that every folder may ask for; none is automatic, so a test that needs no torch imports none."""

from collections.abc import Iterator

import pytest


@pytest.fixture
def seeded() -> Iterator[None]:
    """The same draws whatever ran before; one thread, because the problems are small; torch as it was, afterwards."""
    import torch

    threads, state = torch.get_num_threads(), torch.get_rng_state()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_rng_state(state)
    torch.set_num_threads(threads)


@pytest.fixture
def exact(seeded: None) -> Iterator[None]:
    """As ``seeded``, and in float64: what is compared with an exact answer must not hide behind rounding."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)
