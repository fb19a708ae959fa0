"""In its offline mode, Weights & Biases writes into the run directory only; a resumed run has the same identifier."""

from pathlib import Path

import numpy as np
import pytest

from vaerun.errors import UserError
from vaerun.tracking.stored_id import stored
from vaerun.tracking.wandb import Wandb

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def test_a_run_is_written_and_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    for name in ("WANDB_CACHE_DIR", "WANDB_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    directory = tmp_path / "sweep" / "first"
    directory.mkdir(parents=True)
    for step, status in ((5, "interrupted"), (10, "completed")):
        tracker = Wandb(directory, mode="offline")
        run = tracker._run
        assert (run.id, run.name, run.group) == (stored(directory / "wandb.id"), "first", "sweep")
        tracker.hparams({"strategy": "joint", "trainer.epochs": step})
        tracker.text("config", "seed: <0>")
        tracker.images(step, "samples/prior", np.zeros((4, 4, 3), np.uint8))
        tracker.scalars(step, {"step": step, "seconds": 1.5, "elbo/train": -3.0})
        assert run.summary["elbo/train"] == -3.0
        assert run.summary["step"] == step
        assert dict(run.config)["trainer.epochs"] == step
        tracker.close(status)
    identifier = stored(directory / "wandb.id")
    written = sorted(directory.glob(f"wandb/offline-run-*-{identifier}/run-{identifier}.wandb"))
    assert written
    assert all(path.stat().st_size > 0 for path in written)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sweep"]
    assert sorted(path.name for path in directory.iterdir()) == ["wandb", "wandb.id"]


def test_without_the_package_one_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vaerun.tracking.wandb.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'vaerun\[wandb\]'"):
        Wandb(tmp_path)


def test_without_an_account_one_sentence_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"wandb login, .* or use tracking\.wandb\.mode=offline"):
        Wandb(tmp_path, mode="online")
