"""Operation by operation, as Python comes to them."""

from typing import Any, final

from torch import Tensor

from vaerun.execution.engine.base import Engine, Program


@final
class Eager(Engine):
    """Calls the program."""

    def __call__(self, program: Program, *inputs: Tensor) -> Any:
        return program(*inputs)
