"""Which engine a run's words choose, and what is refused where."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from tests.runs import train
from vaerun.errors import UserError
from vaerun.execution.engine.base import Engine
from vaerun.execution.engine.bfloat16 import BFloat16
from vaerun.execution.engine.compiled import Compiled
from vaerun.execution.engine.cuda_graph import CUDAGraph
from vaerun.execution.engine.eager import Eager
from vaerun.execution.engine.tf32 import TF32, permit
from vaerun.execution.precision import choose_engine
from vaerun.experiment.directory import read_config
from vaerun.experiment.load import load

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before, products = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul
    reduced = products.allow_bf16_reduced_precision_reduction
    yield
    torch.backends.cudnn.allow_tf32 = before
    products.allow_tf32, products.allow_bf16_reduced_precision_reduction = False, reduced


def layers(engine: Engine) -> list[type]:
    """From the outermost to the innermost."""
    inner = getattr(engine, "inner", None)
    return [type(engine), *(layers(inner) if inner is not None else [])]


@pytest.mark.parametrize(
    ("compile", "graphs", "precision", "expected"),
    [
        (False, False, "float32", [Eager]),
        (True, False, "float32", [Compiled]),
        (False, True, "float32", [CUDAGraph, Eager]),
        (True, True, "tf32", [TF32, CUDAGraph, Compiled]),
        (True, False, "bfloat16", [BFloat16, Compiled]),
    ],
)
def test_words_become_engines_around_engines(compile: bool, graphs: bool, precision: str, expected: list[type]) -> None:
    permit(True)
    engine = choose_engine(CUDA, compile=compile, cuda_graphs=graphs, precision=precision)
    assert layers(engine) == expected
    assert layers(engine.unrounded) == [kind for kind in expected if kind not in (TF32, BFloat16)]
    assert engine.rows(3, 8) == (3 if expected == [Eager] else 4)
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32
    assert not torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction


@pytest.mark.parametrize(
    ("graphs", "precision", "sentence"),
    [
        (True, "float32", r"execution\.cuda_graphs=true needs a CUDA device, but the run is on cpu: use .*=false"),
        (False, "tf32", r"execution\.precision=tf32 needs a CUDA .* is on cpu: use execution\.precision=float32"),
        (
            False,
            "bfloat61",
            r"execution\.precision must be one of float32, tf32.*, got bfloat61\. Did you mean 'bfloat16'",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(graphs: bool, precision: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        choose_engine(CPU, compile=False, cuda_graphs=graphs, precision=precision)


def test_a_cpu_keeps_torchs_settings_and_has_bfloat16() -> None:
    permit(True)
    assert layers(choose_engine(CPU, compile=False, cuda_graphs=False, precision="bfloat16")) == [BFloat16, Eager]
    assert torch.backends.cudnn.allow_tf32
    permit(False)


@pytest.mark.parametrize("word", ["execution.precision=tf32", "execution.cuda_graphs=true"])
def test_a_run_trained_on_another_machine_is_opened_on_this_one(word: str, tmp_path: Path) -> None:
    train(tmp_path, "trainer.epochs=1")
    cfg = read_config(tmp_path)
    cfg.merge_with_dotlist([word])
    OmegaConf.save(cfg, tmp_path / "config.yaml")
    opened = load(tmp_path, overrides=["execution.device=cpu"])
    assert layers(opened.strategy.bound.engine) == [Eager]
    assert "elbo/test" in opened.evaluate("bound", num_samples=2).metrics
