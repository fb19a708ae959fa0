"""A CUDA graph as a CPU can have one: operations are noted instead of launched, and done again by every replay."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

WAITS = ("_local_scalar_dense", "nonzero")


class Tape(TorchDispatchMode):
    """Stands in for torch.cuda.CUDAGraph: the same tensors are read and written at every replay."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[tuple[Callable[..., Any], tuple, dict[str, Any], Any]] = []
        self.own: set[int] = set()
        self.before: dict[int, tuple[Tensor, Tensor]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None) -> Any:
        if any(wait in str(func) for wait in WAITS):
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing")
        for argument, value in zip(func._schema.arguments, args, strict=False):
            if argument.alias_info is not None and argument.alias_info.is_write and memory(value) not in self.own:
                self.before.setdefault(memory(value), (value, value.clone()))
        out = func(*args, **(kwargs or {}))
        self.noted.append((func, args, kwargs or {}, out))
        given = {memory(value) for value in tensors((args, kwargs))}
        self.own |= {memory(value) for value in tensors(out)} - given
        return out

    def undo(self) -> None:
        """What a graph records does not happen."""
        for value, before in self.before.values():
            value.copy_(before)

    @torch.no_grad()
    def replay(self) -> None:
        """Does it."""
        for func, args, kwargs, out in self.noted:
            for old, new in zip(tensors(out), tensors(func(*args, **kwargs)), strict=True):
                if memory(old) != memory(new):
                    old.copy_(new)


def tensors(nest: Any) -> list[Tensor]:
    return [value for value in pytree.tree_leaves(nest) if isinstance(value, Tensor)]


def memory(value: Tensor) -> int:
    return value.untyped_storage().data_ptr()


class Stream:
    """Stands in for torch.cuda.Stream: here, all is done at once."""

    def __init__(self, device: Any = None) -> None:
        pass

    def wait_stream(self, other: "Stream") -> None:
        pass


@contextlib.contextmanager
def recording(graph: Tape, **settings: Any) -> Iterator[None]:
    """Stands in for torch.cuda.graph."""
    drawn = torch.get_rng_state()
    with graph:
        yield
    graph.undo()
    torch.set_rng_state(drawn)


def put_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes torch.cuda's graphs tapes."""
    fork = torch.random.fork_rng
    monkeypatch.setattr(torch.random, "fork_rng", lambda devices: fork(devices=[]))
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", contextlib.nullcontext)
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: (0, 0))
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Tape)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    monkeypatch.setattr(torch.cuda, "graph", recording)
