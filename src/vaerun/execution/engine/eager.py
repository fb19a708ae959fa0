"""program(inputs), executed operation by operation."""

from typing import Any, final

from torch import Tensor

from vaerun.execution.engine.base import Engine, Program


@final
class Eager(Engine):
    """(program, inputs) ↦ program(inputs), operation by operation, in Python."""

    def __call__(self, program: Program, *inputs: Tensor) -> Any:
        return program(*inputs)
