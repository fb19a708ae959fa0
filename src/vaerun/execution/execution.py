"""Device, threads, matrix products and engine of a run: how it is computed."""

from dataclasses import dataclass
from typing import final

import torch

from vaerun.config.ranges import at_least
from vaerun.errors import UserError
from vaerun.execution import parallel
from vaerun.execution.device import choose_device, choose_threads, set_deterministic
from vaerun.execution.engine.base import Engine
from vaerun.execution.matmul import choose_matmul_backend
from vaerun.execution.precision import choose_engine

PHI_MEMORY = ("auto", "ram", "map")


@dataclass(frozen=True)
class Machine:
    """The device, threads, library and engine in use; a run records them.

    Attributes:
        device: where the tensors are.
        threads: the number of CPU threads.
        matmul_backend: the library for matrix products on a CPU.
        engine: executes the programs of training.
    """

    device: torch.device
    threads: int
    matmul_backend: str
    engine: Engine


@final
class Execution:
    """Settings of how a run is computed. Only ``precision`` changes results by more than float32 rounding.

    Args:
        device: auto, cpu or cuda (cuda:1, …); auto is cuda if available.
        devices: R, the number of processes that share a run: each has a CUDA device of its own, or its part of the
            CPU's cores, and trains on B/R points of every batch.
        threads: the number of CPU threads of each process; null chooses it by the size of a step.
        matmul_backend: the library for float32 matrix products on a CPU: auto, mkl or onednn.
        compile: compile each step of training and of the local solver, with gradients and Adam, into one program, and
            the programs that an evaluation calls often. It takes seconds, so it is useful for runs of minutes.
        cuda_graphs: record the kernels of these programs on a CUDA device and replay them; also with ``compile``.
        precision: of the matrix products of these programs: float32, tf32 (CUDA) or bfloat16. Weights and evaluations
            stay in float32; with the other two, the recorded training bound is that of a model with rounded layers.
        phi_memory: where a per-point strategy keeps Φ on a CPU: ram; map, a scratch file of which a step reads and
            writes the rows of its batch, with the same results to the bit; or auto, which is map if Φ would take more
            than half of the free memory.
        deterministic: use deterministic algorithms of torch.
    """

    def __init__(
        self,
        *,
        device: str = "auto",
        devices: int = 1,
        threads: int | None = None,
        matmul_backend: str = "auto",
        compile: bool = False,
        cuda_graphs: bool = False,
        precision: str = "float32",
        phi_memory: str = "auto",
        deterministic: bool = False,
    ) -> None:
        at_least("execution.devices", devices, 1)
        at_least("execution.threads", threads, 1)
        self.device, self.devices, self.threads, self.matmul_backend = device, devices, threads, matmul_backend
        self.compile, self.cuda_graphs, self.precision = compile, cuda_graphs, precision
        self.phi_memory, self.deterministic = phi_memory, deterministic
        if phi_memory not in PHI_MEMORY:
            raise UserError(f"execution.phi_memory must be one of {', '.join(PHI_MEMORY)}, got {phi_memory!r}.")

    def prepare(self, rows: int) -> Machine:
        """Configures torch for this process, and returns what was chosen.

        Args:
            rows: decoder rows of a step of all processes, K × batch: the automatic number of threads depends on it.

        Raises:
            UserError: the device, library or precision is not available.
        """
        device = choose_device(self.device)
        threads = choose_threads(self.threads, rows // parallel.size())
        torch.set_num_threads(threads)
        matmul_backend = choose_matmul_backend(self.matmul_backend)
        set_deterministic(self.deterministic)
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)  # a sweep's runs share the process
        engine = choose_engine(device, compile=self.compile, cuda_graphs=self.cuda_graphs, precision=self.precision)
        return Machine(device, threads, matmul_backend, engine)
