"""Device, threads, matrix products and engine of a run: how it is computed, and not what."""

from dataclasses import dataclass
from typing import final

import torch

from vaerun.config.ranges import at_least
from vaerun.execution.device import choose_device, choose_threads, set_deterministic
from vaerun.execution.engine.base import Engine
from vaerun.execution.matmul import choose_matmul_backend
from vaerun.execution.precision import choose_engine


@dataclass(frozen=True)
class Machine:
    """What was chosen: a run records it beside its results.

    Attributes:
        device: where the tensors are.
        threads: of the CPU.
        matmul_backend: the library that multiplies matrices on a CPU.
        engine: executes the programs of training.
    """

    device: torch.device
    threads: int
    matmul_backend: str
    engine: Engine


@final
class Execution:
    """Settings of how a run is computed. Only ``precision`` may change what it computes, beyond rounding.

    Args:
        device: auto, cpu or cuda (cuda:1, …); auto is cuda where there is one.
        threads: of the CPU; null chooses by the size of a step.
        matmul_backend: the library that multiplies matrices on a CPU: auto, mkl or onednn; both in float32.
        compile: trace the steps of training and of local solvers, with their gradients and Adam's part, and compile
            each into one program; it takes seconds, and is worth them in runs of minutes.
        cuda_graphs: record what these programs launch on a CUDA device, and replay it; alone or with ``compile``.
        precision: in which these programs multiply: float32, tf32 (CUDA) or bfloat16. Weights and every evaluation
            stay in float32; with the other two, the recorded training bound is that of a model with rounded layers.
        deterministic: ask torch for algorithms that repeat to the bit.
    """

    def __init__(
        self,
        *,
        device: str = "auto",
        threads: int | None = None,
        matmul_backend: str = "auto",
        compile: bool = False,
        cuda_graphs: bool = False,
        precision: str = "float32",
        deterministic: bool = False,
    ) -> None:
        at_least("execution.threads", threads, 1)
        self.device, self.threads, self.matmul_backend = device, threads, matmul_backend
        self.compile, self.cuda_graphs, self.precision = compile, cuda_graphs, precision
        self.deterministic = deterministic

    def prepare(self, rows: int) -> Machine:
        """Sets torch up for this process, and says what was chosen.

        Args:
            rows: decoder rows of a step, K × batch: the automatic number of threads depends on it.

        Raises:
            UserError: there is no such device, library or precision here, or a number is out of range.
        """
        device = choose_device(self.device)
        threads = choose_threads(self.threads, rows)
        torch.set_num_threads(threads)
        matmul_backend = choose_matmul_backend(self.matmul_backend)
        set_deterministic(self.deterministic)
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)  # a sweep's runs share the process
        engine = choose_engine(device, compile=self.compile, cuda_graphs=self.cuda_graphs, precision=self.precision)
        return Machine(device, threads, matmul_backend, engine)
