"""What a step of training asks of the device: nothing; it can be traced, gradients and all, without a value in it."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.law.test_combinations import Row, configuration, data, name, rows
from vaerun.build import build_strategy
from vaerun.engine.base import Engine, Program
from vaerun.engine.compiled import traced
from vaerun.notation import Batch
from vaerun.verify.covering import covering

WAITS = ("_local_scalar_dense", "nonzero", "is_nonzero", "equal")  # for the device


class Tracing(Engine):
    """Traces a program of which only the inputs' shapes are known, looks at it, and calls it."""

    def __init__(self) -> None:
        self.operations: set[str] = set()

    def __call__(self, program: Program, *inputs: Tensor) -> Any:
        before = [buffer.clone() for buffer in program.module.buffers()]
        drawn = torch.get_rng_state()
        graph, _, _ = traced(program, inputs)
        self.operations |= {str(node.target) for node in graph.graph.nodes if node.op == "call_function"}
        for node in graph.graph.nodes:
            device = node.kwargs.get("device") if node.op == "call_function" else None
            assert device is None or device == inputs[0].device
        assert all(torch.equal(buffer, old) for buffer, old in zip(program.module.buffers(), before, strict=True))
        assert torch.equal(torch.get_rng_state(), drawn)
        return program(*inputs)


@pytest.mark.filterwarnings("ignore:The .grad attribute")
@pytest.mark.parametrize("row", covering(rows()[0], 1), ids=name)
def test_a_step_never_waits_for_the_device(row: Row, seeded: None) -> None:
    made = build_strategy(configuration(row), data(), torch.device("cpu"))
    made.bound.engine = Tracing()
    made.step(Batch(torch.arange(6), data().train.x[:6].float()))
    assert made.bound.engine.operations
    assert not [o for o in made.bound.engine.operations if any(f"aten.{wait}." in o for wait in WAITS)]
