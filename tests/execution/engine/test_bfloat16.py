"""Layers multiply in bfloat16 while a program trains, and nothing else does."""

import copy
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.execution.engine.test_compiled import bound_of, run
from tests.law.test_combinations import OFFER, Row, configuration, data
from tests.runs import equal, records, state, train
from tests.trainer.test_resume import in_two_parts
from vaerun.bound.value_and_grad import TrainStep, ValueAndGrad
from vaerun.evaluation.bound import BoundEvaluation
from vaerun.execution.engine import bfloat16
from vaerun.execution.engine.base import Engine
from vaerun.execution.engine.bfloat16 import BFloat16, Rounded, Rounding, nearest
from vaerun.execution.engine.compiled import Compiled
from vaerun.execution.engine.eager import Eager
from vaerun.experiment.build import build_parts
from vaerun.experiment.make import make
from vaerun.notation import Batch
from vaerun.optimizer.adam import Adam
from vaerun.strategy.base import Strategy

pytestmark = pytest.mark.slow

LAYERS = (
    nn.Linear(3, 2),
    nn.Linear(3, 2, bias=False),
    nn.Conv2d(3, 2, 3, stride=2, padding=1),
    nn.ConvTranspose2d(3, 2, 3, stride=2, padding=1, output_padding=1),
    nn.ConvTranspose2d(3, 2, 3, bias=False),
)
SOME, MANY = 2.0**-8, 2.0**-4  # rounding to 8 bits is an error of at most 2⁻⁹ a factor


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_a_layer_rounds_its_factors_and_not_its_bias(layer: nn.Module, seeded: None) -> None:
    x = torch.randint(-3, 4, (4, 3) if isinstance(layer, nn.Linear) else (4, 3, 5, 5)).float()
    with torch.no_grad():
        layer.weight.copy_(torch.randint(-3, 4, layer.weight.shape))  # whole numbers so small are not rounded
        # A convolution may start its sums at the bias, each of whose steps rounds; added last, it is rounded once.
        bias = torch.zeros(()) if layer.bias is None else layer.bias.reshape(-1, *[1] * (x.dim() - 2)).clone()
        product = copy.deepcopy(layer)
        if product.bias is not None:
            product.bias.zero_()
    exact = product(x) + bias
    with Rounding():
        rounded, moved = layer(x), layer(x * (1 + 2.0**-10))
    assert rounded.dtype == torch.float32
    assert torch.equal(rounded, exact)
    assert torch.equal(moved, exact)


@pytest.mark.parametrize("native", [pytest.param(bfloat16.NATIVE, id="as here"), pytest.param(False, id="emulated")])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_a_product_is_summed_in_float32_and_rounded_once(
    layer: nn.Module, native: bool, seeded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forwards and backwards, of whole numbers whose sums have more than 8 bits and are exact in float32."""
    monkeypatch.setattr(bfloat16, "NATIVE", native)
    x = torch.randint(-99, 100, (16, 3) if isinstance(layer, nn.Linear) else (16, 3, 5, 5)).float().requires_grad_()
    with torch.no_grad():
        layer.weight.copy_(torch.randint(-99, 100, layer.weight.shape))
        if layer.bias is not None:
            layer.bias.zero_()
    exact = layer(x)
    direction = torch.randint(-99, 100, exact.shape).float()
    wanted = (exact, *torch.autograd.grad(exact, (x, layer.weight), direction))
    with Rounding():
        product = layer(x)
    found = (product, *torch.autograd.grad(product, (x, layer.weight), direction))
    for value, right in zip(found, wanted, strict=True):
        assert not torch.equal(right.bfloat16().float(), right)
        assert torch.equal(value, right.bfloat16().float())


def test_emulated_rounding_is_the_conversion_to_bfloat16(seeded: None) -> None:
    x = torch.randn(10_000) * 10.0 ** torch.randint(-30, 30, (10_000,))
    ties = torch.tensor([1 + 2.0**-8, 1 + 3 * 2.0**-8, -1 - 2.0**-8, 0.0, -0.0, torch.inf, -torch.inf])
    for values in (x, ties):
        assert torch.equal(nearest(values), values.bfloat16().float())
    assert nearest(torch.tensor(torch.nan)).isnan()


@pytest.mark.slow
def test_a_processor_without_products_in_bfloat16_gives_the_same_numbers() -> None:
    """The tests of layers, under a torch that is told to use AVX2 at most; on other machines, as here."""
    limited = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
    chosen = "test_a_layer_rounds or test_a_product_is_summed"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "-k", chosen]
    done = subprocess.run(command, env=limited, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout


def products(a: Tensor, b: Tensor) -> tuple[Tensor, ...]:
    return a @ b, torch.einsum("ij,jk->ik", a, b), torch.addmm(torch.ones(3, 5), a, b)


def test_products_that_are_no_layers_are_left_alone(seeded: None) -> None:
    a, b = torch.randn(3, 4), torch.randn(4, 5)
    exact = products(a, b)
    with Rounding():
        assert equal(products(a, b), exact)


def test_a_rounded_program_changes_what_the_program_changes() -> None:
    bound = bound_of("gaussian")
    weights = list(bound.parameters())
    ascent = TrainStep(ValueAndGrad(bound, bound, weights), Adam(weights))
    changes = {id(tensor) for tensor in Rounded(ascent).changes}
    assert changes >= {id(weight) for weight in weights}
    assert len(changes) == len(ascent.changes) == 4 * len(weights) + len(list(bound.buffers()))


def engines() -> list[object]:
    unable = pytest.mark.skipif(shutil.which("g++") is None, reason="compiling takes a C++ compiler")
    quiet = pytest.mark.filterwarnings("ignore")  # torch's own, while it compiles
    return [pytest.param(Eager, id="eager"), pytest.param(Compiled, id="compiled", marks=(unable, quiet))]


@pytest.mark.parametrize("inner", engines())
def test_a_slope_is_near_and_stays_in_float32(inner: type[Engine]) -> None:
    bound = bound_of("gaussian")
    x, phi = (torch.rand(64, 3) < 0.4).float(), torch.randn(64, 4)
    value_and_grad = ValueAndGrad(bound, bound, list(bound.parameters()), in_phi=True)
    exact, _, drawn = run(Eager(), value_and_grad, x, phi)
    rounded, _, drawn_too = run(BFloat16(inner()), value_and_grad, x, phi)
    assert torch.equal(drawn_too, drawn)
    assert exact.phi is not None
    assert rounded.phi is not None
    assert 0 < error(rounded.estimate.value, exact.estimate.value) < SOME
    torch.testing.assert_close(rounded.estimate.kl, exact.estimate.kl)  # no layer has a part in it
    for gradient, plain in zip((*rounded.weights, rounded.phi), (*exact.weights, exact.phi), strict=True):
        assert gradient.dtype == torch.float32
        assert error(gradient, plain) < MANY


def error(value: Tensor, exact: Tensor) -> float:
    return float((value - exact).norm() / exact.norm())


def test_in_evaluation_mode_nothing_is_rounded() -> None:
    bound = bound_of("gaussian").eval()
    x, phi = (torch.rand(6, 3) < 0.4).float(), torch.randn(6, 4)
    value_and_grad = ValueAndGrad(bound, bound, list(bound.parameters()), in_phi=True)
    assert equal(run(BFloat16(Eager()), value_and_grad, x, phi)[0], run(Eager(), value_and_grad, x, phi)[0])


@pytest.mark.parametrize("strategy", ["amortized", "joint", "coordinate", "iterative_amortized"])
def test_a_figure_is_sought_in_float32_whatever_a_strategy_trains_in(strategy: str) -> None:
    plain, rounded = (after_steps(strategy, engine) for engine in (Eager(), BFloat16(Eager())))
    assert not equal(plain.state_dict(), rounded.state_dict())
    rounded.load_state_dict(plain.state_dict())
    figures = []
    for made in (plain.eval(), rounded.eval()):
        torch.manual_seed(1)
        figures.append(BoundEvaluation(split="test", num_samples=2)(made, data()).metrics)
    assert figures[0] == figures[1]


def after_steps(strategy: str, engine: Engine) -> Strategy:
    """A strategy that has taken some: by the first of Adam's, the signs of the gradients are all that counts."""
    chosen = next(choices for choices in OFFER.variants("strategy") if choices["strategy"] == strategy)
    row: Row = ((("estimator", "reparam"),), "elbo", "gaussian", tuple(chosen.items()))
    config, cpu = configuration(row), torch.device("cpu")
    torch.manual_seed(0)
    made: Strategy = make(config["strategy"], build_parts(config, data(), cpu, engine))
    for _ in range(3):
        made.step(Batch(torch.arange(6), data().train.x[:6].float()))
    return made


def test_a_run_ends_near_goes_on_to_the_bit_and_keeps_float32_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("execution.threads=1", "strategy.test_steps=20", "strategy=joint")
    exact = train(tmp_path / "exact", *words)["metrics"]["elbo/test"]
    words = (*words, "execution.precision=bfloat16")
    assert 0 < abs(train(tmp_path / "whole", *words)["metrics"]["elbo/test"] - exact) < 0.3
    assert all(held.dtype != torch.bfloat16 for held in state(tmp_path / "whole")["tensors"].values())
    in_two_parts(tmp_path / "parts", *words, monkeypatch=monkeypatch)
    assert equal(state(tmp_path / "whole"), state(tmp_path / "parts"))
    assert records(tmp_path / "whole") == records(tmp_path / "parts")
