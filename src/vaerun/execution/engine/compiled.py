"""A program traced once for each shape of its inputs, gradients included, and compiled into one."""

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
    """The program as one graph, with its gradients and an optimiser's step if it has one, compiled by TorchInductor.

    Tracing the program with its gradients in it leaves one graph without Python; compiling the forward pass alone, as
    ``torch.compile`` of a loss does, gains nothing over plain torch. A program is traced and compiled at its first
    call, and again for inputs of another shape or in evaluation mode; TorchInductor keeps on disk what it compiled, for
    the next run. Random numbers are torch's own, so that seeds mean the same; sums may round differently.

    Reference: Ansel et al. 2024, PyTorch 2: faster machine learning through dynamic Python bytecode transformation and
    graph compilation, §4.
    """

    def __init__(self) -> None:
        self.made: dict[tuple, CompiledProgram] = {}

    def __call__(self, program: Program, *inputs: Tensor) -> Any:
        key = cache_key(program, inputs)
        made = self.made.get(key)
        if made is None:
            made = self.made[key] = compile_program(program, inputs)
        with torch.no_grad():
            return made.outputs(made.call([*inputs, *made.held]))

    def rows(self, needed: int, most: int) -> int:
        return bucket(needed, most)

    @property
    def takes_optimizer(self) -> bool:
        return True


class CompiledProgram(NamedTuple):
    """A compiled program for inputs of one shape."""

    call: Callable[[list[Tensor]], Any]
    held: list[Tensor]  # the weights and buffers it reads and writes, given after the inputs
    structure: pytree.TreeSpec

    def outputs(self, flat: Any) -> Any:
        """What the program would have returned."""
        return pytree.tree_unflatten(list(flat), self.structure)


def compile_program(program: Program, inputs: tuple[Tensor, ...]) -> CompiledProgram:
    """Traces and compiles.

    Raises:
        UserError: the program looks at a tensor's value, or there is no compiler.
    """
    from torch._guards import TracingContext, tracing
    from torch._inductor.compile_fx import compile_fx
    from torch._subclasses import FakeTensorMode
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's to itself
            graph, held, structure = traced(program, inputs)
    except Exception as error:
        raise refusal(f"it cannot be traced ({first_line(error)})") from error
    try:
        # Only with symbols for shapes, though here are none, does Inductor look for what it compiled in earlier runs.
        context = TracingContext(FakeTensorMode(shape_env=ShapeEnv()))
        with torch.no_grad(), tracing(context), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call: Any = compile_fx(graph, [*inputs, *held], config_patches=settings(inputs[0].device))
    except Exception as error:
        reason = lacking(error)
        if reason is None:
            raise
        raise refusal(reason) from error
    return CompiledProgram(lambda flat: call(*flat), held, structure)


def lacking(error: Exception) -> str | None:
    """What the machine lacks, if that is why Inductor failed."""
    from torch._inductor.exc import CppCompileError, InvalidCxxCompiler

    cause = getattr(error, "inner_exception", error)  # in most places, Inductor hands on another's error in its own
    if isinstance(cause, InvalidCxxCompiler):
        return "there is no C++ compiler on this machine; install g++ or clang"
    if isinstance(cause, CppCompileError):
        return f"the C++ compiler failed ({first_line(cause)})"
    if "triton" in f"{error}".lower():
        return "for a GPU it takes triton, which is not installed or does not know this one"
    return None


def settings(device: torch.device) -> dict[str, Any]:
    """Of Inductor, for programs on ``device``."""
    on_cpu = device.type == "cpu"
    return {
        "fallback_random": True,  # its own random numbers would not be torch's, nor those of a run without compiling
        "cpp_wrapper": on_cpu,  # C++ calls the kernels, not Python; on a GPU that would take CUDA's headers
        "pattern_matcher": not on_cpu,  # it would put biases back into products, away from what follows them
    }


def traced(program: Program, inputs: tuple[Tensor, ...]) -> tuple[torch.fx.GraphModule, list[Tensor], pytree.TreeSpec]:
    """The program's graph with every tensor that it holds made an input after its own, those tensors, and its outputs'.

    The inputs are shapes, and no random number is drawn. Torch does carry out what involves tensors of one number
    alone, such as counts and moving averages; that is put back.
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
    """β bias + α x W, its bias added in a pass of its own: one that is fused with what follows, as an activation."""
    return alpha * torch.mm(x, weight) + beta * bias


def constants_as_inputs(graph: torch.fx.GraphModule) -> list[Tensor]:
    """Turns the tensors that a graph holds into inputs after those it has; returns them."""
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
        delattr(graph, name)  # else they would be inputs once more
    for node in graph.graph.nodes:
        node.meta.clear()  # the new inputs have none, and Inductor takes all or none
    graph.recompile()
    return [value.detach() for value, _ in held.values()]


def refusal(reason: str) -> UserError:
    """The sentence on what cannot be compiled."""
    return UserError(f"execution.compile=true cannot compile this combination: {reason}; use execution.compile=false.")


def first_line(error: Exception) -> str:
    """What went wrong, in short."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
