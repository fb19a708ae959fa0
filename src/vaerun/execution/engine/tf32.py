"""A CUDA device's products of float32 numbers rounded to TF32 while a program trains."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final

import torch
from torch import Tensor

from vaerun.execution.engine.base import Engine, Program


@final
class TF32(Engine):
    """Another engine, with the factors of matrix products and convolutions rounded to 11 bits for tensor cores.

    They are stored in float32, and all else is computed in it. A bound that such a program returns is one up to this
    rounding, and of a model with rounded products; in evaluation mode, nothing is rounded.

    Args:
        inner: what executes the programs.

    Reference: Stosic, Micikevicius 2021, Accelerating AI training with NVIDIA TF32 tensor cores.
    """

    def __init__(self, inner: Engine) -> None:
        self.inner = inner

    def __call__(self, program: Program, *inputs: Tensor) -> Any:
        if not program.module.training:
            return self.inner(program, *inputs)
        with permitted():
            return self.inner(program, *inputs)

    def rows(self, needed: int, most: int) -> int:
        return self.inner.rows(needed, most)

    @property
    def takes_optimizer(self) -> bool:
        return self.inner.takes_optimizer

    @property
    def unrounded(self) -> Engine:
        return self.inner.unrounded


@contextmanager
def permitted() -> Iterator[None]:
    """TF32 inside, none outside."""
    permit(True)
    try:
        yield
    finally:
        permit(False)


def permit(tf32: bool) -> None:
    """Whether a CUDA device may round the factors of a product; torch's own choice is yes for convolutions."""
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32
