"""What a run needs is estimated from its parts, and refused with the number where it cannot fit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.composition import composed
from tests.runs import TINY, summary
from vaerun.errors import UserError
from vaerun.experiment import needs as module
from vaerun.experiment.build import build
from vaerun.experiment.experiment import Experiment
from vaerun.experiment.make import plain
from vaerun.experiment.needs import Needs, estimated, refuse_too_large, step_bytes

CPU = torch.device("cpu")


def experiment(*words: str) -> Experiment:
    cfg, choices = composed([*TINY, "execution.threads=1", *words])
    return build(plain(cfg) | {"choices": dict(choices)})


def kept(strategy: Any, x: torch.Tensor, phi: torch.Tensor) -> tuple[int, int]:
    """What autograd keeps of the bound of a whole batch, and the largest tensor of it."""
    sizes: dict[int, int] = {}
    own = {weight.data_ptr() for weight in strategy.parameters()}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.untyped_storage().data_ptr() not in own:
            sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        estimate = strategy.bound(x, phi)
        del estimate
    return sum(sizes.values()), max(sizes.values())


@pytest.mark.parametrize("words", [(), ("objective=iwae", "objective.num_samples=20"), ("estimator=score",)])
def test_a_step_is_extrapolated_to_what_autograd_keeps_of_a_batch(words: tuple[str, ...]) -> None:
    made = experiment("strategy=joint", *words)
    phi = made.strategy.bound.family.initial().repeat(200, 1).requires_grad_()
    size, largest = kept(made.strategy, made.data.train.points(torch.arange(200)), phi)
    assert step_bytes(made.strategy, made.data, 200).whole == pytest.approx(size + 2 * largest, rel=0.05)


def test_the_parts_are_what_the_run_holds() -> None:
    made = experiment("strategy=joint", "trainer.checkpoints.every=1")
    found = estimated(made)
    weights = sum(weight.nbytes for weight in made.strategy.parameters())
    phi = sum(buffer.nbytes for name, buffer in made.strategy.named_buffers() if ".phi_" in name)
    assert found.memory["weights"] == 4 * weights
    assert found.memory["Φ"] == phi
    assert found.memory["data"] >= sum(split.x.nbytes for split in (made.data.train, made.data.valid, made.data.test))
    assert found.checkpoints == (4 + 3) * (3 * weights + phi)
    assert "of memory (libraries 250 MB" in found.words()


def test_mapped_files_are_not_memory(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(500, 600)).astype(np.float32))
    words = ("data=arrays", f"data.path={tmp_path / 'x.npy'}", "model/likelihood=gaussian", "strategy=joint")
    found = estimated(experiment(*words, "data.memory=map", "execution.phi_memory=map"))
    read = estimated(experiment(*words, "data.memory=read"))
    assert found.mapped["data"] == pytest.approx(500 * 600 * 4, abs=200)
    assert found.mapped["Φ"] == read.memory["Φ"] > 0
    assert found.memory["Φ"] == 0
    assert read.memory["data"] - found.memory["data"] == pytest.approx(500 * 600 * 4, rel=0.01)
    assert "of mapped files (data 1.2 MB)" in found.words()


def test_the_estimate_changes_no_random_number_and_no_buffer() -> None:
    made = experiment("objective=free_bits")
    before = {name: buffer.clone() for name, buffer in made.strategy.named_buffers()}
    state = torch.get_rng_state()
    estimated(made)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(buffer, before[name]) for name, buffer in made.strategy.named_buffers())


def test_what_cannot_fit_is_refused_with_the_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "available", lambda device: 3 * 10**9)
    refuse_too_large(Needs({"data": 10**9, "Φ": 2 * 10**9}, {}, 0), CPU, tmp_path)
    with pytest.raises(UserError, match=r"needs about 3\.5 GB \(Φ 2\.5 GB, data 1 GB\), and 3 GB are free.*phi_memory"):
        refuse_too_large(Needs({"data": 10**9, "Φ": 25 * 10**8}, {}, 0), CPU, tmp_path)
    with pytest.raises(UserError, match=r"they need up to 5 EB|need up to 5e\+03 PB, and .* are free in .*hydra\.run"):
        refuse_too_large(Needs({}, {}, 5 * 10**18), CPU, tmp_path)


def test_a_run_that_is_refused_says_so_in_its_summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "available", lambda device: 10)
    with pytest.raises(UserError, match="the run must fit into memory, but it needs about"):
        experiment().fit(tmp_path / "run")
    assert summary(tmp_path / "run")["status"] == "failed"
