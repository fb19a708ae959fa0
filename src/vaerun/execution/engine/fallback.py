"""program(inputs) by another engine, or operation by operation where that engine cannot execute the program."""

import logging
from typing import Any, final

from torch import Tensor

from vaerun.errors import UserError
from vaerun.execution.engine.base import Engine, Program, Wrapper
from vaerun.execution.engine.eager import Eager

logger = logging.getLogger("vaerun")


@final
class Fallback(Wrapper):
    """Wraps an engine: a program that it cannot execute is executed by ``Eager``, with a warning.

    A combination that cannot be trained with an engine is refused before the first step. An evaluation has other
    programs and comes after the training, whose result must not be lost.

    Args:
        inner: the engine that executes the programs.
    """

    def __init__(self, inner: Engine) -> None:
        super().__init__(inner)
        self.eager = Eager()
        self.refused: set[Program] = set()

    def __call__(self, program: Program, *inputs: Tensor) -> Any:
        if program not in self.refused:
            try:
                return self.inner(program, *inputs)
            except UserError as error:
                self.refused.add(program)
                logger.warning(
                    f"A part of the evaluation is not compiled, so it is slower; its results are the same: {error}"
                )
        return self.eager(program, *inputs)

    @property
    def unrounded(self) -> Engine:
        return self
