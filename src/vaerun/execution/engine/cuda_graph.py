"""Programs whose kernels are recorded, once for each shape of their inputs, and replayed as one CUDA graph."""

import time
from typing import Any, NamedTuple, final

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from vaerun.errors import UserError
from vaerun.execution.engine.base import Engine, Program, bucket, cache_key, restored
from vaerun.execution.engine.compiled import first_line

WARM_UPS = 2  # the first loads libraries and selects kernels; the second confirms that nothing is left to load
MODE = "thread_local"  # another thread, such as the checkpoint writer, may use the device during a recording


@final
class CUDAGraph(Engine):
    """Launches all kernels that another engine uses for a program as one CUDA graph, with a single call.

    A step of a small network consists of many small kernels, and a GPU finishes each before Python launches the next.
    The program is first executed as a warm-up, the tensors that this changed are restored, and the kernels are
    recorded. Afterwards, inputs are copied to the memory that the recording reads, it is replayed, and its outputs are
    copied to new memory. Weights and buffers are used in place. A replay continues the random numbers of torch's
    generator, so a seed gives the same samples as without a graph.

    Args:
        inner: the engine whose kernels are recorded.

    Reference: Gray 2019, Getting started with CUDA graphs.
    """

    def __init__(self, inner: Engine) -> None:
        self.inner = inner
        self.recordings: dict[tuple, Recording] = {}
        self.resources: CaptureResources | None = None
        self.seconds = 0.0  # without those of ``inner``

    def __call__(self, program: Program, *inputs: Tensor) -> Any:
        key = cache_key(program, inputs)
        recording = self.recordings.get(key)
        if recording is None:
            began, inside = time.perf_counter(), self.inner.compile_seconds
            recording = self.recordings[key] = self.record(program, inputs)
            torch.cuda.synchronize(inputs[0].device)
            self.seconds += time.perf_counter() - began - (self.inner.compile_seconds - inside)
        return recording.replay(inputs)

    def rows(self, needed: int, most: int) -> int:
        return bucket(needed, most)

    @property
    def takes_optimizer(self) -> bool:
        return self.inner.takes_optimizer

    @property
    def compile_seconds(self) -> float:
        return self.seconds + self.inner.compile_seconds

    @torch.no_grad()
    def record(self, program: Program, inputs: tuple[Tensor, ...]) -> "Recording":
        """Warms up, then records; changed tensors and random generators are restored.

        Raises:
            UserError: the program waits for the device, or contains another operation that cannot be recorded.
        """
        if self.resources is None:
            # All recordings share one pool, because outputs are copied immediately after a replay.
            self.resources = CaptureResources(torch.cuda.Stream(inputs[0].device), torch.cuda.graph_pool_handle())
        read = [torch.empty_like(value).copy_(value) for value in inputs]
        self.warm_up(program, read)
        graph = torch.cuda.CUDAGraph()
        recording = torch.cuda.graph(
            graph, pool=self.resources.pool, stream=self.resources.stream, capture_error_mode=MODE
        )
        try:
            with torch.cuda.stream(torch.cuda.current_stream(read[0].device)), recording:  # restores the current stream
                outputs, structure = pytree.tree_flatten(self.inner(program, *read))
        except RuntimeError as error:
            raise UserError(
                f"execution.cuda_graphs=true cannot record this combination ({first_line(error)}): use "
                f"execution.cuda_graphs=false."
            ) from error
        written = [value.detach() for value in outputs if value is not None]
        count = iter(range(len(written)))
        places = [None if value is None else next(count) for value in outputs]
        return Recording(graph, read, written, places, structure)

    def warm_up(self, program: Program, read: list[Tensor]) -> None:
        """Executes the program on another stream; restores the tensors that it changes and the random generators."""
        assert self.resources is not None
        device, stream = read[0].device, self.resources.stream
        with restored(program):
            stream.wait_stream(torch.cuda.current_stream(device))
            with torch.random.fork_rng(devices=[device]), torch.cuda.stream(stream):
                for _ in range(WARM_UPS):
                    self.inner(program, *read)
            torch.cuda.current_stream(device).wait_stream(stream)


class CaptureResources(NamedTuple):
    """The stream and the memory pool of recordings."""

    stream: Any  # torch.cuda.Stream
    pool: Any  # of memory


class Recording(NamedTuple):
    """The recorded kernels of a program for inputs of one shape."""

    graph: Any  # torch.cuda.CUDAGraph
    read: list[Tensor]  # the memory of its inputs
    written: list[Tensor]  # the memory of its outputs, valid until the next replay of any recording
    places: list[int | None]  # the index of each output in ``written``; None for an output None
    structure: pytree.TreeSpec

    @torch.no_grad()
    def replay(self, inputs: tuple[Tensor, ...]) -> Any:
        """The outputs of the program for these inputs."""
        torch._foreach_copy_(self.read, inputs)
        self.graph.replay()
        outputs = [torch.empty_like(value) for value in self.written]
        torch._foreach_copy_(outputs, self.written)
        return pytree.tree_unflatten([None if i is None else outputs[i] for i in self.places], self.structure)
