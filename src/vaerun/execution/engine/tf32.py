"""float32 products of a CUDA device with factors rounded to TF32 in training."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final

import torch
from torch import Tensor

from vaerun.execution.engine.base import Program, Wrapper


@final
class TF32(Wrapper):
    """Wraps an engine: the factors of matrix products and convolutions are rounded to 11 bits for tensor cores.

    Tensors are stored in float32, and all other operations use float32. The bound of such a program is a bound for the
    model with rounded products. In evaluation mode, nothing is rounded.

    Args:
        inner: the engine that executes the programs.

    Reference: Stosic, Micikevicius 2021, Accelerating AI training with NVIDIA TF32 tensor cores.
    """

    def __call__(self, program: Program, *inputs: Tensor) -> Any:
        if not program.module.training:
            return self.inner(program, *inputs)
        with permitted():
            return self.inner(program, *inputs)


@contextmanager
def permitted() -> Iterator[None]:
    """Allows TF32 inside the context, and not afterwards."""
    permit(True)
    try:
        yield
    finally:
        permit(False)


def permit(tf32: bool) -> None:
    """Sets whether a CUDA device may round factors to TF32; torch's default is yes for convolutions."""
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32
