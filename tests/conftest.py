"""Fixtures that every folder may ask for. The automatic one needs no torch, so a test without torch imports none."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Removes the log handlers of a command afterwards: they hold the standard error of that test alone."""
    before = list(logging.getLogger().handlers)
    yield
    for handler in [handler for handler in logging.getLogger().handlers if handler not in before]:
        logging.getLogger().removeHandler(handler)
        handler.close()


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
