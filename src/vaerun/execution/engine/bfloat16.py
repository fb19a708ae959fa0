"""W x + b with W and x rounded to bfloat16 in training; everything else in float32."""

from collections.abc import Callable, Sequence
from typing import Any, final

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from vaerun.execution.engine.base import Engine, Program, Wrapper

PRODUCTS: frozenset[Callable[..., Any]] = frozenset(
    (functional.linear, functional.conv2d, functional.conv_transpose2d)
)  # of an input, weights and a bias, in that order

NATIVE: bool = torch.ops.mkldnn._is_mkldnn_bf16_supported()
"""Whether this processor's products in bfloat16 are those of oneDNN, which sums in float32.

Without AVX-512 (or its like), torch's own convolutions take their place. They add the parts of a sum in bfloat16: of a
transposed convolution, and of the gradients of every convolution, a quarter to a half are not the right number.
"""


@final
class BFloat16(Wrapper):
    """Wraps an engine: layers multiply in bfloat16, which has 8 bits of precision and the range of float32.

    Affine maps and convolutions round their factors and their product, in the forward and the backward pass; sums
    within a product are in float32. A processor that cannot do this multiplies the rounded factors in float32 and
    rounds the product, which gives the same numbers but saves no time. Weights, optimiser, returned gradients,
    activations, samples, log-densities and the bound stay in float32, so that z and log q(z; φ) are consistent. The
    bound of such a program is a bound for the model with rounded layers, not for the model that is evaluated. In
    evaluation mode, nothing is rounded.

    Args:
        inner: the engine that executes the programs.

    Reference: Micikevicius et al. 2018, Mixed precision training (there with float16); Kalamkar et al. 2019, A study of
    bfloat16 for deep learning training.
    """

    def __init__(self, inner: Engine) -> None:
        super().__init__(inner)
        self.rounded: dict[Program, Rounded] = {}

    def __call__(self, program: Program, *inputs: Tensor) -> Any:
        if program not in self.rounded:
            self.rounded[program] = Rounded(program)
        return self.inner(self.rounded[program], *inputs)


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
    if NATIVE or x.is_cuda:
        y = function(x.bfloat16(), weight.bfloat16(), None, *rest, **named)
    else:
        y = Round.apply(function(Round.apply(x.float()), Round.apply(weight.float()), None, *rest, **named))
    y = y.to(x.dtype)
    return y if bias is None else y + bias.reshape(-1, *[1] * (weight.dim() - 2))


class Round(torch.autograd.Function):
    """x rounded to 8 bits, in float32; its gradient is rounded, too, as by a conversion to bfloat16.

    A compiler leaves out a conversion to bfloat16 that is followed by one to float32, and with it the rounding.
    """

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return nearest(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        """Nothing is needed backwards."""

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return nearest(gradient)


def nearest(x: Tensor) -> Tensor:
    """The nearest number of 8 bits, of two the even one: float32 in and out."""
    bits = x.view(torch.int32)
    even = (bits + 0x7FFF + ((bits >> 16) & 1)) & -0x10000
    return torch.where(x.isfinite(), even.view(torch.float32), x)
