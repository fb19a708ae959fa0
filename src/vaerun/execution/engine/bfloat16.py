"""W x + b with W and x rounded to bfloat16 in training; everything else in float32."""

from collections.abc import Callable, Sequence
from typing import Any, final

from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from vaerun.execution.engine.base import Engine, Program

PRODUCTS: frozenset[Callable[..., Any]] = frozenset(
    (functional.linear, functional.conv2d, functional.conv_transpose2d)
)  # of an input, weights and a bias, in that order


@final
class BFloat16(Engine):
    """Wraps an engine: layers multiply in bfloat16, which has 8 bits of precision and the range of float32.

    Affine maps and convolutions round their factors and their product, in the forward and the backward pass; sums
    within a product are in float32. Weights, optimiser, returned gradients, activations, samples, log-densities and the
    bound stay in float32, so that z and log q(z; φ) are consistent. The bound of such a program is a bound for the
    model with rounded layers, not for the model that is evaluated. In evaluation mode, nothing is rounded.

    Args:
        inner: the engine that executes the programs.

    Reference: Micikevicius et al. 2018, Mixed precision training (there with float16); Kalamkar et al. 2019, A study of
    bfloat16 for deep learning training.
    """

    def __init__(self, inner: Engine) -> None:
        self.inner = inner
        self.rounded: dict[Program, Rounded] = {}

    def __call__(self, program: Program, *inputs: Tensor) -> Any:
        if program not in self.rounded:
            self.rounded[program] = Rounded(program)
        return self.inner(self.rounded[program], *inputs)

    def rows(self, needed: int, most: int) -> int:
        return self.inner.rows(needed, most)

    @property
    def takes_optimizer(self) -> bool:
        return self.inner.takes_optimizer

    @property
    def unrounded(self) -> Engine:
        return self.inner.unrounded


@final
class Rounded(Program):
    """A program whose layers multiply in bfloat16 while its module is in training mode.

    Args:
        program: the program in float32.
    """

    def __init__(self, program: Program) -> None:
        super().__init__(program.module)
        self.program = program

    @property
    def changes(self) -> list[Tensor]:
        return self.program.changes

    def __call__(self, *inputs: Tensor) -> Any:
        if not self.module.training:
            return self.program(*inputs)
        with Rounding():
            return self.program(*inputs)


class Rounding(TorchFunctionMode):
    """Makes layers multiply in bfloat16. Torch's autocast rounds more, and differently on a CPU and a GPU."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return (product if func in PRODUCTS else call)(func, *args, **(kwargs or {}))


def call(function: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """function(*args, **named)."""
    return function(*args, **named)


def product(
    function: Callable[..., Tensor], x: Tensor, weight: Tensor, bias: Tensor | None = None, *rest: Any, **named: Any
) -> Tensor:
    """The output of the layer in the type of ``x``; the bias is not rounded."""
    y = function(x.bfloat16(), weight.bfloat16(), None, *rest, **named)
    return y.to(x.dtype) if bias is None else y + bias.reshape(-1, *[1] * (weight.dim() - 2))
