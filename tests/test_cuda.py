"""The same code on a GPU; skipped where there is none."""

import importlib.util
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.law.test_step import ASKS
from tests.problems import options
from tests.runs import TINY, records, state, train
from vaerun.config.hydra import compose
from vaerun.data.loader import Loader
from vaerun.experiment.build import build
from vaerun.notation import Estimate
from vaerun.optimizer.adam import Adam
from vaerun.trainer.running_means import RunningMeans

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")

STRATEGIES = ("amortized", "joint", "coordinate")
GRAPHS = "execution.cuda_graphs=true"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_trains_and_its_checkpoint_opens_on_a_cpu(strategy: str, tmp_path: Path) -> None:
    said = train(tmp_path, "execution.device=cuda", f"strategy={strategy}", "trainer.epochs=5")
    assert said["status"] == "completed"
    curve = [record["elbo/train"] for record in records(tmp_path) if "elbo/train" in record]
    assert curve[-1] > curve[0]
    assert all(t.device.type == "cuda" for t in state(tmp_path)["tensors"].values())
    held = torch.load(tmp_path / "checkpoints" / "last.pt", map_location="cpu", weights_only=True)
    assert all(t.device.type == "cpu" for t in held["tensors"].values())


def test_a_deterministic_run_repeats_itself(tmp_path: Path) -> None:
    for name in ("a", "b"):
        train(tmp_path / name, "execution.device=cuda", "execution.deterministic=true")
    a, b = (state(tmp_path / name)["tensors"] for name in ("a", "b"))
    assert all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("words", [(), (GRAPHS,)], ids=["launched", "replayed"])
@pytest.mark.parametrize("strategy", [name for name in options("strategy") if name not in ASKS])
def test_a_step_of_no_strategy_waits_for_the_device(strategy: str, words: tuple[str, ...]) -> None:
    cfg, _ = compose([*TINY, "execution.device=cuda", f"strategy={strategy}", *words])
    run = build(cfg)
    batches = Loader(run.data.train, batch_size=100, seed=0).epoch(0)
    for _ in range(2):
        run.strategy.step(next(batches))  # kernels are chosen, and recorded
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(3):
            run.strategy.step(next(batches))
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_run_with_graphs_is_the_run_without(strategy: str, tmp_path: Path) -> None:
    words = ("execution.device=cuda", f"strategy={strategy}", "local.tolerance=0", "execution.deterministic=true")
    for name, graphs in (("launched", ()), ("replayed", (GRAPHS,))):
        train(tmp_path / name, *words, *graphs)
    launched, replayed = (records(tmp_path / name) for name in ("launched", "replayed"))
    assert len(launched) == len(replayed)
    for plain, other in zip(launched, replayed, strict=True):
        assert other == pytest.approx(plain, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("words", [("execution.precision=tf32",), ("execution.precision=bfloat16", GRAPHS)])
def test_a_run_in_less_than_float32_ends_near(words: tuple[str, ...], tmp_path: Path) -> None:
    near = train(tmp_path / "float32", "execution.device=cuda")["metrics"]["elbo/test"]
    got = train(tmp_path / "rounded", "execution.device=cuda", *words)["metrics"]["elbo/test"]
    assert got == pytest.approx(near, abs=0.5)


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="compiling for a GPU takes triton")
@pytest.mark.filterwarnings("ignore")  # torch's own, while it compiles
def test_what_is_compiled_can_be_replayed(tmp_path: Path) -> None:
    near = train(tmp_path / "launched", "execution.device=cuda")["metrics"]["elbo/test"]
    got = train(tmp_path / "replayed", "execution.device=cuda", "execution.compile=true", GRAPHS)["metrics"][
        "elbo/test"
    ]
    assert got == pytest.approx(near, abs=0.1)


def test_a_step_of_the_optimiser_and_its_sums_never_wait_for_the_device() -> None:
    one, other = (nn.Parameter(torch.ones(3, 4, device="cuda")) for _ in range(2))
    ours, theirs, meter = Adam([one]), torch.optim.Adam([other], fused=True), RunningMeans()
    one.grad, other.grad = (torch.full_like(one, 0.5) for _ in range(2))
    values = torch.ones(7, device="cuda")
    estimate = Estimate(values, values, values, values, values.sum(), {"inner_steps": values})
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(3):
            ours.step()
            meter.add(estimate)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    for _ in range(3):
        theirs.step()
    assert torch.equal(one, other)
    assert meter.means()["kl"] == 1.0
