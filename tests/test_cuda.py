"""The same code on a GPU; skipped where there is none."""

from pathlib import Path

import pytest
import torch

from tests.runs import records, state, train

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
