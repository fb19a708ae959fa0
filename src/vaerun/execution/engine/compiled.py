"""Programs that are traced with their gradients and compiled, once for each shape of their inputs."""

import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple, final

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from vaerun.errors import UserError
from vaerun.execution.engine.base import Engine, Program, bucket, cache_key, restored


@final
class Compiled(Engine):
    """Executes the program as one graph, with its gradients and the optimiser step, compiled by TorchInductor.

    Tracing includes the gradients, so that one graph without Python remains; compiling only the forward pass, as
    ``torch.compile`` of a loss does, is not faster than plain torch. A program is traced and compiled at its first
    call, and again for inputs of another shape or in evaluation mode. TorchInductor caches compiled code on disk for
    later runs. Random numbers are torch's own, so a seed gives the same samples; sums may round differently.

    Reference: Ansel et al. 2024, PyTorch 2: faster machine learning through dynamic Python bytecode transformation and
    graph compilation, §4.
    """

    def __init__(self) -> None:
        self.made: dict[tuple, CompiledProgram] = {}
        self.seconds = 0.0

    def __call__(self, program: Program, *inputs: Tensor) -> Any:
        key = cache_key(program, inputs)
        made = self.made.get(key)
        if made is None:
            began = time.perf_counter()
            made = self.made[key] = compile_program(program, inputs)
            self.load(program, inputs, made)
            self.seconds += time.perf_counter() - began
        with torch.no_grad():
            return made.outputs(made.call([*inputs, *made.held]))

    def load(self, program: Program, inputs: tuple[Tensor, ...], made: "CompiledProgram") -> None:
        """Loads and tunes the kernels of a CUDA device, which otherwise the first step would do; changes nothing."""
        device = inputs[0].device
        if device.type != "cuda" or torch.cuda.is_current_stream_capturing():
            return
        with restored(program), torch.random.fork_rng(devices=[device]), torch.no_grad():
            made.call([*inputs, *made.held])
        torch.cuda.synchronize(device)

    @property
    def compile_seconds(self) -> float:
        return self.seconds

    def rows(self, needed: int, most: int) -> int:
        return bucket(needed, most)

    @property
    def takes_optimizer(self) -> bool:
        return True


class CompiledProgram(NamedTuple):
    """A compiled program for inputs of one shape."""

    call: Callable[[list[Tensor]], Any]
    held: list[Tensor]  # the weights and buffers that it reads and writes, passed after the inputs
    structure: pytree.TreeSpec

    def outputs(self, flat: Any) -> Any:
        """The outputs in the structure that the program returns."""
        return pytree.tree_unflatten(list(flat), self.structure)


def compile_program(program: Program, inputs: tuple[Tensor, ...]) -> CompiledProgram:
    """Traces and compiles a program.

    Raises:
        UserError: the program depends on the value of a tensor, or there is no compiler.
    """
    from torch._guards import TracingContext, tracing
    from torch._inductor.compile_fx import compile_fx
    from torch._subclasses import FakeTensorMode
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warnings that only concern torch
            graph, held, structure = traced(program, inputs)
    except Exception as error:
        raise refusal(f"it cannot be traced ({first_line(error)})") from error
    try:
        # Inductor uses its cache of earlier runs only with a ShapeEnv. In one, it would make the sizes of real tensors
        # symbols; those of these examples are numbers.
        mode = FakeTensorMode(shape_env=ShapeEnv(), static_shapes=True)
        examples = [mode.from_tensor(value) for value in (*inputs, *held)]
        with torch.no_grad(), tracing(TracingContext(mode)), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call: Any = compile_fx(graph, examples, config_patches=settings(inputs[0].device))
    except Exception as error:
        raise refusal(lacking(error) or f"TorchInductor fails ({first_line(error)})") from error
    return CompiledProgram(lambda flat: call(*flat), held, structure)


def lacking(error: Exception) -> str | None:
    """What is missing on the machine, if that is why Inductor failed; otherwise None."""
    from torch._inductor.exc import CppCompileError, InvalidCxxCompiler

    cause = getattr(error, "inner_exception", error)  # Inductor usually wraps the original error
    if isinstance(cause, InvalidCxxCompiler):
        return "there is no C++ compiler on this machine; install g++ or clang"
    if isinstance(cause, CppCompileError):
        return f"the C++ compiler failed ({first_line(cause)})"
    if "triton" in f"{error}".lower():
        return "a GPU needs triton, which is not installed or does not support this GPU"
    return None


def settings(device: torch.device) -> dict[str, Any]:
    """The settings of Inductor for programs on ``device``."""
    on_cpu = device.type == "cpu"
    return {
        "fallback_random": True,  # use torch's random numbers, as a run without compilation does
        "cpp_wrapper": on_cpu,  # kernels are called from C++ instead of Python; on a GPU this needs the CUDA headers
        "pattern_matcher": not on_cpu,  # it would fuse biases into products, and not with the activation after them
    }


def traced(program: Program, inputs: tuple[Tensor, ...]) -> tuple[torch.fx.GraphModule, list[Tensor], pytree.TreeSpec]:
    """(graph of the program, tensors that it holds, structure of its outputs); the held tensors become inputs.

    Tracing uses fake inputs and draws no random number. Torch executes operations on scalar tensors, such as counts and
    moving averages, during tracing; these tensors are restored.
    """
    from torch.fx.experimental.proxy_tensor import make_fx

    structure: list[pytree.TreeSpec] = []

    def flat(*values: Tensor) -> list[Any]:
        outputs, spec = pytree.tree_flatten(program(*values))
        structure.append(spec)
        return outputs

    with restored(program), torch.random.fork_rng(devices=[]):
        trace = make_fx(flat, {torch.ops.aten.addmm.default: affine}, tracing_mode="fake", _allow_non_fake_inputs=True)
        graph = trace(*inputs)
    return graph, constants_as_inputs(graph), structure[-1]


def affine(bias: Tensor, x: Tensor, weight: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """β bias + α x W, with the bias as a separate operation that can be fused with the activation after it."""
    return alpha * torch.mm(x, weight) + beta * bias


def constants_as_inputs(graph: torch.fx.GraphModule) -> list[Tensor]:
    """Turns the tensors that a graph holds into additional inputs at the end; returns them."""
    held: dict[int, tuple[Tensor, torch.fx.Node]] = {}
    last = [node for node in graph.graph.nodes if node.op == "placeholder"][-1]
    constants = [node for node in graph.graph.nodes if node.op == "get_attr"]
    for node in constants:
        value = getattr(graph, node.target)
        if id(value) not in held:
            with graph.graph.inserting_after(last):
                last = graph.graph.placeholder(f"held_{len(held)}")
            held[id(value)] = (value, last)
        node.replace_all_uses_with(held[id(value)][1])
        graph.graph.erase_node(node)
    for name in {node.target for node in constants}:
        delattr(graph, name)  # otherwise they would become inputs twice
    for node in graph.graph.nodes:
        node.meta.clear()  # Inductor needs metadata for all inputs or for none, and the new inputs have none
    graph.recompile()
    return [value.detach() for value, _ in held.values()]


def refusal(reason: str) -> UserError:
    """The error for a program that cannot be compiled."""
    return UserError(f"execution.compile=true cannot compile this combination: {reason}; use execution.compile=false.")


def first_line(error: Exception) -> str:
    """The error in at most 200 characters."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
