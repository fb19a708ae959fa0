"""Program: tensors ↦ tensors. Engine: (program, inputs) ↦ outputs, eagerly, compiled or as a CUDA graph."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

FEWEST = 8  # row numbers are padded to n, n/2, n/4 or n/8, so that at most four programs are made


class Program(ABC):
    """Tensors ↦ nested new tensors: a step of training whose control flow does not depend on tensor values.

    It computes its own gradients. ``changes`` lists the tensors that it may change in place.

    Args:
        module: its mode, training or evaluation, may change the program; nothing else besides tensors may.
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    @property
    def changes(self) -> list[Tensor]:
        """The tensors that it may change in place: by default the buffers of ``module``."""
        return list(self.module.buffers())

    @abstractmethod
    def __call__(self, *inputs: Tensor) -> Any:
        """The outputs, without gradient: tuples, lists and dicts of tensors and None."""


class Engine(ABC):
    """(program, inputs) ↦ program(inputs). Engines differ in speed and in rounding."""

    @abstractmethod
    def __call__(self, program: Program, *inputs: Tensor) -> Any:
        """``program(*inputs)``.

        Raises:
            UserError: this engine cannot execute the program.
        """

    def rows(self, needed: int, most: int) -> int:
        """The number of rows for a row-wise program when ``needed`` of ``most`` rows are left; more are padding."""
        return needed

    @property
    def takes_optimizer(self) -> bool:
        """Whether a training step is faster with its optimiser in the same program."""
        return False

    @property
    def compile_seconds(self) -> float:
        """Seconds spent so far on compiling and recording programs. They are no training time."""
        return 0.0

    @property
    def unrounded(self) -> "Engine":
        """The engine for reported values: this one, unless it computes with less precision than float32."""
        return self


class Wrapper(Engine, ABC):
    """An engine that executes programs by another one, with less precision in training.

    Args:
        inner: the engine that executes the programs.
    """

    def __init__(self, inner: Engine) -> None:
        self.inner = inner

    def rows(self, needed: int, most: int) -> int:
        return self.inner.rows(needed, most)

    @property
    def takes_optimizer(self) -> bool:
        return self.inner.takes_optimizer

    @property
    def compile_seconds(self) -> float:
        return self.inner.compile_seconds

    @property
    def unrounded(self) -> Engine:
        return self.inner.unrounded


@contextmanager
def restored(program: Program) -> Iterator[None]:
    """Restores, at the end, all tensors that the program may change."""
    before = [(tensor, tensor.detach().clone()) for tensor in program.changes]
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, value in before:
                tensor.copy_(value)


def cache_key(program: Program, inputs: tuple[Tensor, ...]) -> tuple:
    """The key of a compiled or recorded program: module mode, shapes, strides and types of the inputs."""
    return (program, program.module.training, *((value.shape, value.stride(), value.dtype) for value in inputs))


def bucket(needed: int, most: int) -> int:
    """The smallest of most, most/2, most/4 and most/8 that is at least ``needed``: few shapes, so few programs."""
    size = most
    while size % 2 == 0 and size // 2 >= max(needed, most // FEWEST):
        size //= 2
    return size
