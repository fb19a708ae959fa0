"""A program's launches recorded once for each shape of its inputs, and replayed as one CUDA graph."""

from typing import Any, NamedTuple, final

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from vaerun.errors import UserError
from vaerun.execution.engine.base import Engine, Program, bucket, cache_key, restored
from vaerun.execution.engine.compiled import first_line

WARM_UPS = 2  # the first loads libraries and chooses kernels; by the second nothing of that is left to do
MODE = "thread_local"  # another thread, such as the one that writes checkpoints, may use the device while it records


@final
class CUDAGraph(Engine):
    """The kernels that another engine launches for a program, as one CUDA graph that one call sends to the device.

    A step of a small network is many small kernels, and a GPU is done with each before Python has launched the next.
    The program is executed for practice, what that changed is put back, and it is recorded; from then on its inputs are
    copied to where the recording reads them, the recording is replayed, and its outputs are copied to where the next
    replay does not write. Weights and buffers are read and written where they are. Each replay goes on in torch's
    random numbers from where the generator is, so that a seed means the same as without a graph.

    Args:
        inner: what is recorded.

    Reference: Gray 2019, Getting started with CUDA graphs.
    """

    def __init__(self, inner: Engine) -> None:
        self.inner = inner
        self.recordings: dict[tuple, Recording] = {}
        self.resources: CaptureResources | None = None

    def __call__(self, program: Program, *inputs: Tensor) -> Any:
        key = cache_key(program, inputs)
        recording = self.recordings.get(key)
        if recording is None:
            recording = self.recordings[key] = self.record(program, inputs)
        return recording.replay(inputs)

    def rows(self, needed: int, most: int) -> int:
        return bucket(needed, most)

    @property
    def takes_optimizer(self) -> bool:
        return self.inner.takes_optimizer

    @torch.no_grad()
    def record(self, program: Program, inputs: tuple[Tensor, ...]) -> "Recording":
        """Executes for practice, then records; what that changed and random numbers are then as they were before.

        Raises:
            UserError: the program waits for the device, or does something else that a graph cannot hold.
        """
        if self.resources is None:
            # One pool for all: no recording finds there what it needs, since outputs are copied at once.
            self.resources = CaptureResources(torch.cuda.Stream(inputs[0].device), torch.cuda.graph_pool_handle())
        read = [torch.empty_like(value).copy_(value) for value in inputs]
        self.warm_up(program, read)
        graph = torch.cuda.CUDAGraph()
        recording = torch.cuda.graph(
            graph, pool=self.resources.pool, stream=self.resources.stream, capture_error_mode=MODE
        )
        try:
            with torch.cuda.stream(torch.cuda.current_stream(read[0].device)), recording:  # back to it in any case
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
        """Executes the program beside the stream in use, and leaves no trace in what it changes and random numbers."""
        assert self.resources is not None
        device, stream = read[0].device, self.resources.stream
        with restored(program):
            stream.wait_stream(torch.cuda.current_stream(device))
            with torch.random.fork_rng(devices=[device]), torch.cuda.stream(stream):
                for _ in range(WARM_UPS):
                    self.inner(program, *read)
            torch.cuda.current_stream(device).wait_stream(stream)


class CaptureResources(NamedTuple):
    """Where recordings are made."""

    stream: Any  # torch.cuda.Stream
    pool: Any  # of memory


class Recording(NamedTuple):
    """A program's launches for inputs of one shape."""

    graph: Any  # torch.cuda.CUDAGraph
    read: list[Tensor]  # where it takes its inputs from
    written: list[Tensor]  # where it leaves its outputs, until another recording is replayed
    places: list[int | None]  # of the outputs, which may be None, in that list
    structure: pytree.TreeSpec

    @torch.no_grad()
    def replay(self, inputs: tuple[Tensor, ...]) -> Any:
        """What the program would have returned."""
        torch._foreach_copy_(self.read, inputs)
        self.graph.replay()
        outputs = [torch.empty_like(value) for value in self.written]
        torch._foreach_copy_(outputs, self.written)
        return pytree.tree_unflatten([None if i is None else outputs[i] for i in self.places], self.structure)
