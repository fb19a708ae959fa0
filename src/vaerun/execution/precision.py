"""Which engine executes the programs of a run, and in which precision."""

import warnings
from collections.abc import Callable, Mapping

import torch

from vaerun.errors import UserError, close_match
from vaerun.execution.engine.base import Engine
from vaerun.execution.engine.bfloat16 import BFloat16
from vaerun.execution.engine.compiled import Compiled
from vaerun.execution.engine.cuda_graph import CUDAGraph
from vaerun.execution.engine.eager import Eager
from vaerun.execution.engine.tf32 import TF32, permit

PRECISIONS: Mapping[str, Callable[[Engine], Engine]] = {
    "float32": lambda engine: engine,
    "tf32": TF32,
    "bfloat16": BFloat16,
}


def choose_engine(device: torch.device, *, compile: bool, cuda_graphs: bool, precision: str) -> Engine:
    """The engine for programs on ``device``; on a CUDA device, float32 is from here on float32 in convolutions too.

    Args:
        device: where the programs' tensors are.
        compile: whether each program is compiled.
        cuda_graphs: whether its launches are recorded and replayed.
        precision: of the products of training: float32, tf32 or bfloat16.

    Raises:
        UserError: no such precision, or the device has no graphs or no TF32.
    """
    if precision not in PRECISIONS:
        raise UserError(
            f"execution.precision must be one of {', '.join(PRECISIONS)}, got {precision}."
            f"{close_match(precision, PRECISIONS)}"
        )
    if device.type == "cuda":
        keep_to_float32()
    elif cuda_graphs:
        raise UserError(
            f"execution.cuda_graphs=true needs a CUDA device, but the run is on {device.type}: use "
            f"execution.cuda_graphs=false, or execution.device=cuda where there is one."
        )
    elif precision == "tf32":
        raise UserError(
            f"execution.precision=tf32 needs a CUDA device with tensor cores, but the run is on {device.type}: use "
            f"execution.precision=float32 or bfloat16, or execution.device=cuda where there is one."
        )
    engine: Engine = Compiled() if compile else Eager()
    return PRECISIONS[precision](CUDAGraph(engine) if cuda_graphs else engine)


def keep_to_float32() -> None:
    """Products of a CUDA device in float32, and the sums within those of bfloat16; torch's own choice is less."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some versions of torch announce names that others do not have yet
        permit(False)
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
