"""The engine and the precision that execute the programs of a run."""

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
    """The engine for programs on ``device``; on a CUDA device, float32 convolutions then use float32, not TF32.

    Args:
        device: where the programs' tensors are.
        compile: whether each program is compiled.
        cuda_graphs: whether its launches are recorded and replayed.
        precision: of the matrix products of training: float32, tf32 or bfloat16.

    Raises:
        UserError: the precision is unknown, or the device does not support CUDA graphs or TF32.
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
    """Makes CUDA products use float32, and float32 sums in bfloat16 products; torch's defaults are less precise."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some versions of torch warn about names that other versions do not have
        permit(False)
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
