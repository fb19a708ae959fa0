"""The same code on a GPU; skipped where there is none."""

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.runs import records, state, train
from vaerun.notation import Estimate
from vaerun.optimizer.adam import Adam
from vaerun.trainer.meter import Meter

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")

STRATEGIES = ("amortized", "joint", "coordinate")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_trains_and_its_checkpoint_opens_on_a_cpu(strategy: str, tmp_path: Path) -> None:
    said = train(tmp_path, "trainer.device=cuda", f"strategy={strategy}", "trainer.epochs=5")
    assert said["status"] == "completed"
    curve = [record["elbo/train"] for record in records(tmp_path) if "elbo/train" in record]
    assert curve[-1] > curve[0]
    assert all(t.device.type == "cuda" for t in state(tmp_path)["tensors"].values())
    held = torch.load(tmp_path / "checkpoints" / "last.pt", map_location="cpu", weights_only=True)
    assert all(t.device.type == "cpu" for t in held["tensors"].values())


def test_a_deterministic_run_repeats_itself(tmp_path: Path) -> None:
    for name in ("a", "b"):
        train(tmp_path / name, "trainer.device=cuda", "trainer.deterministic=true")
    a, b = (state(tmp_path / name)["tensors"] for name in ("a", "b"))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_step_of_the_optimiser_and_its_sums_never_wait_for_the_device() -> None:
    one, other = (nn.Parameter(torch.ones(3, 4, device="cuda")) for _ in range(2))
    ours, theirs, meter = Adam([one]), torch.optim.Adam([other], fused=True), Meter()
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
