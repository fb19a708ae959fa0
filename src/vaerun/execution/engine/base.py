"""What is executed, and what executes it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

FEWEST = 8  # of the rows: a program for every halving down to an eighth


class Program(ABC):
    """Tensors ↦ a nest of new tensors: a step of training that asks nothing of a tensor's value on its way.

    Its gradients are taken within. What it may change in place is named by ``changes``.

    Args:
        module: whether this is in training mode is the one thing besides tensors that it may depend on.
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    @property
    def changes(self) -> list[Tensor]:
        """All that it may change in place: buffers of ``module``, unless said otherwise."""
        return list(self.module.buffers())

    @abstractmethod
    def __call__(self, *inputs: Tensor) -> Any:
        """The outputs, without gradient; tuples, lists and dicts of tensors and None."""


class Engine(ABC):
    """(program, inputs) ↦ the program's outputs. Engines differ in speed, and in rounding."""

    @abstractmethod
    def __call__(self, program: Program, *inputs: Tensor) -> Any:
        """``program(*inputs)``.

        Raises:
            UserError: the program cannot be executed in this way.
        """

    def rows(self, needed: int, most: int) -> int:
        """How many rows to give a program that works row by row where ``needed`` of ``most`` are left to do."""
        return needed

    @property
    def takes_optimizer(self) -> bool:
        """Whether a step of training gains from having its optimiser in the same program."""
        return False

    @property
    def unrounded(self) -> "Engine":
        """What figures are sought with: this engine, unless it computes in less than float32."""
        return self


@contextmanager
def restored(program: Program) -> Iterator[None]:
    """All that the program changes within is afterwards as it was before."""
    before = [(tensor, tensor.detach().clone()) for tensor in program.changes]
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, value in before:
                tensor.copy_(value)


def cache_key(program: Program, inputs: tuple[Tensor, ...]) -> tuple:
    """What a program that was made once for its inputs depends on besides their values."""
    return (program, program.module.training, *((value.shape, value.stride(), value.dtype) for value in inputs))


def bucket(needed: int, most: int) -> int:
    """The least of most, most/2, most/4, … that ``needed`` fit into: a few shapes to make a program for, not all."""
    size = most
    while size % 2 == 0 and size // 2 >= max(needed, most // FEWEST):
        size //= 2
    return size
