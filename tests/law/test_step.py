"""What a step of training asks of the device: nothing; it can be traced, gradients and all, without a value in it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from tests.composition import composed
from tests.law.test_combinations import OFFER, Row, configuration, data, name, rows
from vaerun.data.base import Dataset
from vaerun.execution.engine.base import Engine, Program
from vaerun.execution.engine.compiled import traced
from vaerun.experiment.build import build_strategy
from vaerun.notation import Batch, Column
from vaerun.verify.covering import covering

pytestmark = pytest.mark.slow

WAITS = ("_local_scalar_dense", "nonzero", "is_nonzero", "equal")  # for the device


class Tracing(Engine):
    """Traces a program of which only the inputs' shapes are known, looks at it, and calls it."""

    takes_optimizer = True

    def __init__(self) -> None:
        self.operations: set[str] = set()

    def __call__(self, program: Program, *inputs: Tensor) -> Any:
        before = [tensor.detach().clone() for tensor in program.changes]
        drawn = torch.get_rng_state()
        graph, _, _ = traced(program, inputs)
        self.operations |= {str(node.target) for node in graph.graph.nodes if node.op == "call_function"}
        for node in graph.graph.nodes:
            device = node.kwargs.get("device") if node.op == "call_function" else None
            assert device is None or device == inputs[0].device
        assert all(torch.equal(tensor, old) for tensor, old in zip(program.changes, before, strict=True))
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


ASKS = {"aggressive": "once a window, whether λ's steps still pay"}  # by strategy: what it cannot go on without


class Crossings(TorchDispatchMode):
    """Notes the operations of a step on another device that use an array or a list of numbers of the host's."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        tensors = [value for value in pytree.tree_leaves((args, kwargs)) if isinstance(value, Tensor)]
        # A single number travels with the kernel's own arguments.
        if "lift_fresh" in str(func) or any(value.device.type == "cpu" and value.dim() for value in tensors):
            self.found.append(str(func))
        return func(*args, **(kwargs or {}))


def elsewhere() -> list[Row]:
    """Every choice but those that ask at least once, and every q whose values are all visited."""
    free = [row for row in rows()[0] if dict(row[3])["strategy"] not in ASKS]
    visited = {row[2]: row for row in free if dict(row[0])["estimator"] == "enumerate"}
    return list(dict.fromkeys((*covering(free, 1), *visited.values())))


@pytest.mark.parametrize("row", elsewhere(), ids=name)
def test_nothing_crosses_between_host_and_device_in_a_whole_step(row: Row, seeded: None) -> None:
    config = configuration(row)
    config["local"]["window"] = 20  # no look at the gains within a visit, as by default
    step_elsewhere(config)


def models() -> list[tuple[tuple[str, str], ...]]:
    """Every model, likelihood, prior and decoder at least once, each with a q that fits it."""
    fitting = []
    for choices in OFFER.variants("model"):
        given = {**choices, "estimator": "score", "strategy": "amortized"}
        q = next((q for q in OFFER.names("posterior") if OFFER.parts({**given, "posterior": q}) is not None), None)
        fitting += [] if q is None else [tuple({**given, "posterior": q}.items())]
    return covering(fitting, 1)


@pytest.mark.parametrize("choices", models(), ids=lambda choices: "-".join(dict(choices).values()))
def test_no_model_makes_anything_cross(choices: tuple[tuple[str, str], ...], seeded: None) -> None:
    cfg, _ = composed([f"{group}={option}" for group, option in choices])
    step_elsewhere(OmegaConf.to_container(cfg, resolve=True), data_for(dict(choices)))  # type: ignore[arg-type]


def data_for(choices: dict[str, str]) -> Dataset:
    """Points with what a part needs to be told: the kinds of their columns, or c."""
    bits = data()
    if "mixed" in choices.values():
        # The pseudo-inputs of a VampPrior are real numbers.
        kinds = (
            ("real", "real", "real", "real") if "vamp" in choices.values() else ("real", "positive", "count", "binary")
        )
        columns = [Column(letter, kind) for letter, kind in zip("abcd", kinds, strict=True)]
        return replace(bits, columns=tuple(columns), support="real")
    if "conditional_normal" in choices.values():
        split = replace(bits.train, given=torch.eye(2).repeat(len(bits.train), 1)[: len(bits.train)])
        return replace(bits, train=split, valid=split, test=split, given=("y=0", "y=1"))
    return bits


def step_elsewhere(config: dict[str, Any], points: Dataset | None = None) -> None:
    """A step where there are shapes and no values: whatever asks for one fails."""
    meta = torch.device("meta")
    points = points or data()
    strategy = build_strategy(config, points, meta)
    with Crossings() as crossings:
        strategy.step(Batch(torch.arange(6, device=meta), torch.empty(6, 4 + len(points.given), device=meta)))
    assert not crossings.found
    moved = [weight for weight in strategy.theta if weight.grad is not None]
    assert moved
    assert all(weight.is_meta for weight in moved)


def test_a_crossing_would_be_noticed() -> None:
    with Crossings() as crossings:
        torch.ones(3).to("meta")
        torch.tensor([1.0, 2.0])
        torch.ones(3, device="meta") * 2.0
    assert len(crossings.found) == 2
