"""Fixtures that every folder may ask for. The automatic one needs no torch, so a test without torch imports none."""

import gc
import logging
import os
import sys
from collections.abc import Generator, Iterator
from typing import Any

import pytest

LOGGERS = (None, "vaerun")

# Every process of a session would compile vaerun anew, and every session the tests, where the environment says so.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Of the person who tests; the commands that vaerun prints repeat them.
os.environ.pop("PYTHONPATH", None)
os.environ.pop("VAERUN_CONF", None)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Keeps the modules and the list of tests, which stay to the end, out of the search for garbage."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Removes the log handlers of a command afterwards: they hold the standard error of that test alone."""
    before, levels = list(logging.getLogger().handlers), {name: logging.getLogger(name).level for name in LOGGERS}
    yield
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    for handler in [handler for handler in logging.getLogger().handlers if handler not in before]:
        logging.getLogger().removeHandler(handler)
        handler.close()


@pytest.fixture(autouse=True)
def own_imports() -> Iterator[None]:
    """Removes the folders that a test adds to Python's path, and the modules in them: the next one may reuse a name."""
    before = list(sys.path)
    yield
    added = tuple(folder + os.sep for folder in set(sys.path) - set(before) if folder)
    sys.path[:] = before
    for name, module in list(sys.modules.items()) if added else ():
        if str(getattr(module, "__file__", None)).startswith(added):
            del sys.modules[name]


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
