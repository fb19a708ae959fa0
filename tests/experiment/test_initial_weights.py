"""init=RUN: the weights of another run, and nothing else."""

import logging
import shutil
from pathlib import Path

import pytest
import torch

from tests.runs import equal, state, train
from tests.trainer.test_resume import in_two_parts
from vaerun.errors import UserError

STILL = ("optimizer.learning_rate=1e-30", "trainer.epochs=1")  # the steps are too small for the weights


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trained")
    train(path, "seed=1")
    return path


def weights(directory: Path, name: str, prefix: str) -> dict[str, torch.Tensor]:
    return {key: value for key, value in state(directory, name)["tensors"].items() if key.startswith(prefix)}


def close(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.allclose(one[key], other[key], atol=1e-20) for key in one)


def test_an_equal_run_starts_with_all_weights_of_the_best_checkpoint(trained: Path, tmp_path: Path) -> None:
    train(tmp_path / "init", *STILL, f"init={trained}")
    train(tmp_path / "own", *STILL)
    for prefix in ("bound.model.", "shared.amortizer.layers"):
        assert close(weights(tmp_path / "init", "last", prefix), weights(trained, "best", prefix))
        assert not close(weights(tmp_path / "own", "last", prefix), weights(trained, "best", prefix))
    # The state of the optimiser is new: one step for each batch of this run.
    last = state(tmp_path / "init")
    assert int(last["optimizer"]["state"][0]["step"]) == last["progress"]["step"]


def test_another_strategy_and_another_encoder_take_what_they_share(
    trained: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "vaerun")
    train(tmp_path / "joint", *STILL, f"init={trained}", "strategy=joint", "strategy.test_steps=5")
    assert close(weights(tmp_path / "joint", "last", "bound.model."), weights(trained, "best", "bound.model."))
    assert "θ and λ of" in caplog.text
    train(tmp_path / "wide", *STILL, f"init={trained}", "amortizer.hidden=[20]")
    assert close(weights(tmp_path / "wide", "last", "bound.model."), weights(trained, "best", "bound.model."))
    assert "the others begin anew" in caplog.text


def test_another_model_is_refused(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"θ differs: bound\.model\.decoder.* has the shape \[16, 3\]"):
        train(tmp_path, f"init={trained}", "model.latent_dim=2")


def test_a_directory_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        train(tmp_path / "run", f"init={tmp_path / 'none'}")


@pytest.mark.slow
def test_it_is_resumed_without_the_other_run(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = shutil.copytree(trained, tmp_path / "other")
    train(tmp_path / "whole", f"init={other}")
    with monkeypatch.context() as patch:
        patch.setattr("tests.trainer.test_resume.train", once_without(other))
        in_two_parts(tmp_path / "parts", f"init={other}", monkeypatch=patch)
    assert equal(state(tmp_path / "whole"), state(tmp_path / "parts"))


def once_without(other: Path):  # type: ignore[no-untyped-def]
    """``train``, which removes ``other`` when the first training ends."""

    def removing(folder: Path, *words: str) -> None:
        try:
            train(folder, *words)
        finally:
            shutil.rmtree(other, ignore_errors=True)

    return removing
