"""A compiled program gives what the eager one gives, changes what it changes, and draws what it draws."""

import copy
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.problems import family_and_model, linear_strategy, node, objective, simulated
from tests.runs import equal, records, state, train
from tests.trainer.test_resume import in_two_parts
from vaerun.bound.bound import Bound
from vaerun.bound.value_and_grad import PhiGradient, TrainStep, ValueAndGrad
from vaerun.errors import UserError
from vaerun.execution.engine.base import Engine, Program
from vaerun.execution.engine.compiled import Compiled
from vaerun.execution.engine.eager import Eager
from vaerun.experiment.make import make
from vaerun.local.optimizer.adam import LocalAdam
from vaerun.local.solver import LocalSolver
from vaerun.notation import Batch
from vaerun.strategy.base import Strategy

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("g++") is None, reason="compiling takes a C++ compiler"),
    pytest.mark.filterwarnings("ignore"),  # torch's own, while it compiles
]
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def test_a_slope_is_the_same_estimate_and_gradients_wherever_the_weights_have_moved() -> None:
    bound = bound_of("bernoulli", "score", baseline="moving_average")
    x, phi = (torch.rand(6, 3) < 0.4).float(), torch.randn(6, 2)
    value_and_grad = ValueAndGrad(bound, bound, list(bound.parameters()), in_phi=True)
    compiled = Compiled()
    for _ in range(2):
        before = [buffer.clone() for buffer in bound.buffers()]
        eager, after, drawn = run(Eager(), value_and_grad, x, phi)
        for buffer, value in zip(bound.buffers(), before, strict=True):
            buffer.copy_(value)
        fused, changed, drawn_too = run(compiled, value_and_grad, x, phi)
        torch.testing.assert_close(fused.estimate, eager.estimate, **CLOSE)
        torch.testing.assert_close(fused.phi, eager.phi, **CLOSE)
        torch.testing.assert_close(fused.weights, eager.weights, **CLOSE)
        assert all(gradient.abs().max() > 0 for gradient in [eager.phi, *eager.weights])
        assert not all(torch.equal(value, old) for value, old in zip(after, before, strict=True))
        torch.testing.assert_close(changed, after, **CLOSE)
        assert torch.equal(drawn_too, drawn)
        with torch.no_grad():
            for weight in bound.parameters():
                weight.add_(torch.randn_like(weight))
    assert len(compiled.made) == 1


@pytest.mark.parametrize(("name", "programs"), [("amortized", 1), ("alternating", 2), ("joint", 1)])
def test_an_optimiser_within_the_program_goes_the_same_way(name: str, programs: int) -> None:
    eager, compiled = going(name, Eager()), going(name, Compiled())
    assert [type(program) for program in compiled.programs.values()] == [TrainStep] * programs
    torch.testing.assert_close(compiled.weights, eager.weights, **CLOSE)
    torch.testing.assert_close(compiled.optimizer.state_dict(), eager.optimizer.state_dict(), **CLOSE)
    torch.testing.assert_close(compiled.gradient_norms(), eager.gradient_norms(), **CLOSE)


def going(name: str, engine: Engine) -> Strategy:
    """A strategy after steps of changing sizes, one of them taken back in the optimiser."""
    x = simulated(6)
    torch.manual_seed(1)
    strategy = linear_strategy(name, x)
    strategy.bound.engine = engine
    start = [weight.detach().clone() for weight in strategy.weights]
    for rate in (0.1, 0.03, 0.1):
        saved = copy.deepcopy(strategy.optimizer.state_dict())
        strategy.optimizer.param_groups[0]["lr"] = rate
        strategy.step(Batch(torch.arange(6), x))
    strategy.optimizer.load_state_dict(saved)
    strategy.step(Batch(torch.arange(6), x))
    moved = zip(strategy.weights, start, strict=True)
    assert min(float((weight - before).abs().max()) for weight, before in moved) > 1e-4
    return strategy


def test_a_compiled_run_ends_near_and_goes_on_to_the_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("execution.threads=1", "execution.compile=true")
    exact = train(tmp_path / "exact", "execution.threads=1")["metrics"]["elbo/test"]
    assert train(tmp_path / "whole", *words)["metrics"]["elbo/test"] == pytest.approx(exact, abs=1e-3)
    in_two_parts(tmp_path / "parts", *words, monkeypatch=monkeypatch)
    assert equal(state(tmp_path / "whole"), state(tmp_path / "parts"))
    assert records(tmp_path / "whole") == records(tmp_path / "parts")


def test_a_solver_goes_the_same_way_and_its_last_points_are_fewer_rows() -> None:
    x, phi = (torch.rand(16, 3) < 0.4).float(), torch.zeros(16, 4)
    ends = []
    for engine in (Eager(), Compiled()):
        solver = LocalSolver(
            bound=bound_of("gaussian", engine=engine).eval(), optimizer=LocalAdam(), window=5, tolerance=0.05
        )
        torch.manual_seed(2)
        ends.append(solver(x, phi, solver.optimizer.init(phi), max_steps=5))
        whole = solver(x, phi, solver.optimizer.init(phi), max_steps=300)
        assert whole.converged.all()
        assert whole.steps.unique().numel() > 1
    eager, compiled = ends
    torch.testing.assert_close(compiled.phi, eager.phi, **CLOSE)
    torch.testing.assert_close(compiled.state, eager.state, **CLOSE)
    assert compiled.decoder_evaluations == eager.decoder_evaluations
    assert {16} < {x_shape[0] for _, _, (x_shape, *_), *_ in engine.made} <= {16, 8, 4, 2}


def test_rows_are_halves_of_halves() -> None:
    assert [Compiled().rows(needed, 100) for needed in (100, 51, 50, 26, 25, 1)] == [100, 100, 50, 50, 25, 25]
    assert [Compiled().rows(needed, 64) for needed in (9, 8, 1)] == [16, 8, 8]
    assert Eager().rows(7, 100) == 7


class Curious(Program):
    """Looks at what it computes."""

    def __call__(self, *inputs: Tensor) -> Any:
        return inputs[0] * 2 if float(inputs[0].sum()) > 0 else inputs[0]


def test_a_program_that_looks_at_a_value_is_refused_in_a_sentence() -> None:
    with pytest.raises(UserError, match=r"cannot be traced .* execution\.compile=false"):
        Compiled()(Curious(nn.Identity()), torch.ones(3))


@pytest.mark.slow
def test_a_machine_without_a_compiler_is_met_with_a_sentence(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "CXX": str(tmp_path / "none"),
        "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache"),
        "TORCHINDUCTOR_COMPILE_THREADS": "1",  # more are processes of their own, and the end of the run waits for them
    }
    words = ["train", "execution.compile=true", "trainer.epochs=1", f"hydra.run.dir={tmp_path / 'run'}"]
    command = [sys.executable, "-c", "import sys; from vaerun import cli; sys.exit(cli.dispatch(sys.argv[1:]))", *words]
    said = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert said.returncode == 2
    assert "there is no C++ compiler on this machine; install g++" in said.stderr.splitlines()[-1]
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize(
    ("said", "sentence"),
    [("no working Triton found", "needs triton, "), ("overflow", r"TorchInductor fails \(RuntimeError: overflow\)")],
)
def test_what_fails_inside_of_the_compiler_is_met_with_a_sentence(
    said: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **settings: Any) -> None:
        raise RuntimeError(said)

    monkeypatch.setattr("torch._inductor.compile_fx.compile_fx", fail)
    bound = bound_of("gaussian")
    with pytest.raises(UserError, match=f"{sentence}.*compile=false"):
        Compiled()(PhiGradient(bound), torch.ones(2, 3), torch.zeros(2, 4))


def test_convolutions_whose_sizes_follow_from_one_another_are_compiled(tmp_path: Path) -> None:
    """28 = 3 · 5 + 13: with the size of the kernel as a symbol, Inductor solved for it, and failed."""
    np.save(tmp_path / "x.npy", (np.random.default_rng(0).random((60, 28, 28)) < 0.3).astype(np.uint8))
    small = ["amortizer=conv", "model/decoder=conv", "data=arrays", f"data.path={tmp_path / 'x.npy'}"]
    small += [f"{group}.{key}" for group in ("amortizer", "model.decoder") for key in ("channels=[2,2]", "hidden=[4]")]
    steps = ["trainer.epochs=1", "trainer.batch_size=24", "evaluation.num_samples=2", "trainer.records.images_every=0"]
    plain, fused = (
        train(tmp_path / way, *small, *steps, f"execution.compile={way}")["metrics"] for way in ("false", "true")
    )
    assert fused["elbo/test"] == pytest.approx(plain["elbo/test"], rel=1e-4)


def bound_of(posterior: str, estimator: str = "reparam", *, engine: Engine | None = None, **parts: str) -> Bound:
    """A small one, its weights those of seed 1."""
    torch.manual_seed(1)
    family, model = family_and_model(posterior, latent_dim=2)
    made = make(node(f"estimator/{estimator}", parts), {})
    return Bound(model=model, family=family, objective=objective("elbo", 1), estimator=made, engine=engine)


def run(engine: Engine, program: Program, *inputs: Tensor) -> tuple[Any, list[Tensor], Tensor]:
    """What a program gives from one seed, the buffers it leaves, and the number drawn next."""
    torch.manual_seed(7)
    outputs = engine(program, *inputs)
    return outputs, [buffer.clone() for buffer in program.module.buffers()], torch.rand(1)
