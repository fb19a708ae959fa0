"""A recorded program gives what the eager one gives, changes what it changes, and draws what it draws.

On a machine without a CUDA device, torch's graphs are replaced by tapes.
"""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.execution.engine import tape
from tests.execution.engine.test_compiled import Curious, bound_of, run
from tests.law.test_combinations import OFFER, Row, configuration, data
from tests.problems import linear_strategy, plain_ascent, simulated
from vaerun.bound.value_and_grad import PhiGradient, TrainStep, ValueAndGrad
from vaerun.errors import UserError
from vaerun.execution.engine.base import Engine, Program
from vaerun.execution.engine.bfloat16 import BFloat16
from vaerun.execution.engine.cuda_graph import CUDAGraph
from vaerun.execution.engine.eager import Eager
from vaerun.experiment.build import build_strategy
from vaerun.local.optimizer.adam import LocalAdam
from vaerun.local.solver import LocalSolver
from vaerun.notation import Batch
from vaerun.optimizer.adam import Adam

CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")


@pytest.fixture(params=["tape", pytest.param("cuda", marks=CUDA)])
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> torch.device:
    if request.param == "tape":
        tape.put_in_place(monkeypatch)
    return torch.device("cpu" if request.param == "tape" else "cuda:0")


def points(device: torch.device, rows: int = 6) -> tuple[Tensor, Tensor]:
    torch.manual_seed(5)
    return (torch.rand(rows, 3) < 0.4).float().to(device), torch.randn(rows, 2).to(device)


def test_a_slope_is_the_same_estimate_and_gradients_wherever_the_weights_have_moved(device: torch.device) -> None:
    bound = bound_of("bernoulli", "score", baseline="moving_average").to(device)
    x, phi = points(device)
    value_and_grad = ValueAndGrad(bound, bound, list(bound.parameters()), in_phi=True)
    captured = CUDAGraph(Eager())
    for _ in range(3):
        before = [buffer.clone() for buffer in bound.buffers()]
        eager, after, drawn = run(Eager(), value_and_grad, x, phi)
        for buffer, value in zip(bound.buffers(), before, strict=True):
            buffer.copy_(value)
        replayed, changed, drawn_too = run(captured, value_and_grad, x, phi)
        torch.testing.assert_close(replayed, eager)
        torch.testing.assert_close(changed, after)
        assert not all(torch.equal(value, old) for value, old in zip(after, before, strict=True))
        assert torch.equal(drawn_too, drawn)
        with torch.no_grad():
            for weight in bound.parameters():
                weight.add_(torch.randn_like(weight))
        x, phi = 1 - x, phi + 1
    assert len(captured.recordings) == 1


def test_replays_draw_fresh_noise_and_leave_earlier_outputs_alone(device: torch.device) -> None:
    bound = bound_of("gaussian").to(device)
    x, phi = points(device)[0], torch.zeros(6, 4, device=device)
    captured, phi_gradient = CUDAGraph(Eager()), PhiGradient(bound)
    first = captured(phi_gradient, x, phi)
    kept = first.clone()
    second = captured(phi_gradient, x, phi)
    assert torch.equal(first, kept)
    assert not torch.equal(first, second)


class Joining(Engine):
    """Calls a program that moves weights."""

    takes_optimizer = True

    def __call__(self, program: Program, *inputs: Tensor) -> Any:
        return program(*inputs)


def test_practice_moves_no_weights_where_the_optimiser_is_in_the_program(device: torch.device) -> None:
    x, phi = points(device)[0], torch.zeros(6, 4, device=device)
    ends = []
    for engine in (Joining(), CUDAGraph(Joining())):
        bound = bound_of("gaussian").to(device)
        weights = list(bound.parameters())
        optimizer = Adam(weights, learning_rate=0.1)
        ascent = TrainStep(ValueAndGrad(bound, bound, weights), optimizer)
        assert engine.takes_optimizer
        torch.manual_seed(3)
        for _ in range(3):
            engine(ascent, optimizer.rate, x, phi)
        ends.append((weights, optimizer.state_tensors(weights)))
    torch.testing.assert_close(*ends)


def test_an_optimiser_that_cannot_be_in_a_program_moves_the_weights_after_it() -> None:
    x = simulated(6)
    strategy = linear_strategy("amortized", x, optimizer=plain_ascent)
    strategy.bound.engine = Joining()
    before = [weight.detach().clone() for weight in strategy.weights]
    strategy.step(Batch(torch.arange(6), x))
    assert [type(program) for program in strategy.programs.values()] == [ValueAndGrad]
    for weight, old in zip(strategy.weights, before, strict=True):
        torch.testing.assert_close(weight.detach(), old - weight.grad)


def test_every_shape_and_mode_has_a_recording_of_its_own(device: torch.device) -> None:
    bound = bound_of("bernoulli", "score", baseline="none").to(device)
    captured, value_and_grad = CUDAGraph(Eager()), ValueAndGrad(bound, bound, list(bound.parameters()))
    for rows, training in ((6, True), (4, True), (6, False), (6, True), (4, True)):
        bound.train(training)
        x, phi = points(device, rows)
        eager, replayed = run(Eager(), value_and_grad, x, phi)[0], run(captured, value_and_grad, x, phi)[0]
        torch.testing.assert_close(replayed, eager)
        assert replayed.phi is None
        assert len(replayed.estimate.value) == rows
    assert len(captured.recordings) == 3


class Counting(Program):
    """Counts its calls in a buffer."""

    def __init__(self) -> None:
        super().__init__(nn.BatchNorm1d(1))

    def __call__(self, *inputs: Tensor) -> Any:
        self.module.num_batches_tracked += 1
        return {"sum": inputs[0] + self.module.num_batches_tracked, "nothing": None}


def test_practice_leaves_no_trace_in_buffers(device: torch.device) -> None:
    counting, captured = Counting(), CUDAGraph(Eager())
    counting.module.to(device)
    for calls in (1, 2, 3):
        said = captured(counting, torch.zeros(2, device=device))
        assert said["sum"].tolist() == [calls, calls]
        assert said["nothing"] is None
        assert int(counting.module.num_batches_tracked) == calls


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["amortized", "joint", "coordinate", "alternating", "semi_amortized"])
@pytest.mark.parametrize("wrapped", [CUDAGraph, lambda inner: BFloat16(CUDAGraph(inner))], ids=["float32", "bfloat16"])
def test_every_strategy_learns_the_same(strategy: str, wrapped: Any, device: torch.device) -> None:
    plain = (lambda inner: inner) if wrapped is CUDAGraph else BFloat16
    expected, got = (learned(strategy, engine, device) for engine in (plain(Eager()), wrapped(Eager())))
    torch.testing.assert_close(got, expected)


def learned(strategy: str, engine: Engine, device: torch.device) -> tuple[list[Tensor], list[Tensor]]:
    """Objectives of a few steps, and the weights after them."""
    chosen = next(choices for choices in OFFER.variants("strategy") if choices["strategy"] == strategy)
    row: Row = ((("estimator", "reparam"),), "iwae", "gaussian", tuple(chosen.items()))
    config = configuration(row)
    config["local"]["window"] = 20  # all points stay to the end of a visit, so that as many draw
    torch.manual_seed(0)
    made = build_strategy(config, data(), device)
    made.bound.engine = engine
    values = []
    for start in (0, 6, 0, 6):
        index = torch.arange(start, start + 6, device=device)
        values.append(made.step(Batch(index, data().train.x[start : start + 6].float().to(device))).value)
    return values, [weight.detach() for weight in made.weights]


def test_a_solver_goes_the_same_way_and_its_last_points_are_fewer_rows(device: torch.device) -> None:
    x, phi = points(device, 16)[0], torch.zeros(16, 4, device=device)
    ends = []
    for engine in (Eager(), CUDAGraph(Eager())):
        bound = bound_of("gaussian", engine=engine).to(device).eval()
        solver = LocalSolver(bound=bound, optimizer=LocalAdam(), window=5, tolerance=0.05)
        torch.manual_seed(2)
        ends.append(solver(x, phi, solver.optimizer.init(phi), max_steps=5))
        whole = solver(x, phi, solver.optimizer.init(phi), max_steps=300)
        assert whole.converged.all()
    torch.testing.assert_close(ends[1], ends[0])
    assert {16} < {x_shape[0] for _, _, (x_shape, *_), *_ in engine.recordings} <= {16, 8, 4, 2}


def test_a_program_that_looks_at_a_value_is_refused_in_a_sentence(device: torch.device) -> None:
    with pytest.raises(UserError, match=r"cannot record .*capturing.* execution\.cuda_graphs=false"):
        CUDAGraph(Eager())(Curious(nn.Identity()), torch.ones(3, device=device))
