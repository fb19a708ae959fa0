"""A trained run, opened again: its objects, with the weights and rows of a checkpoint."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from omegaconf import DictConfig, OmegaConf

from vaerun.build import build
from vaerun.built import Run
from vaerun.data.base import Dataset
from vaerun.directory import checkpoint_path, relocate
from vaerun.evaluation.base import Findings
from vaerun.strategy.base import Strategy
from vaerun.trainer import checkpoint


@dataclass(frozen=True)
class OpenRun:
    """A trained run at one of its checkpoints."""

    run: Run
    seed: int
    step: int

    @property
    def strategy(self) -> Strategy:
        """The strategy, in evaluation mode."""
        return self.run.strategy

    @property
    def data(self) -> Dataset:
        """The three splits it was trained with."""
        return self.run.data

    def evaluate(self) -> Findings:
        """What the evaluation finds, with draws that depend on the run's seed alone."""
        return self.run.evaluate(self.seed)


def open_run(
    directory: Path, cfg: DictConfig, evaluation: DictConfig, moved: Sequence[str], name: str = "best"
) -> OpenRun:
    """Builds what ``directory`` was trained with and sets it to a checkpoint.

    Args:
        directory: the run.
        cfg: its config.yaml.
        evaluation: the evaluation to make, in place of its own.
        moved: KEY=VALUE words about where it is computed, as ``relocate`` takes them.
        name: best or last.

    Raises:
        UserError: no checkpoint of that name, or it does not fit the configuration.
    """
    cfg = copy.deepcopy(cfg)
    cfg.evaluation = evaluation
    # It is not trained, and what only training makes use of may be missing on this machine.
    OmegaConf.update(cfg, "trainer.precision", "float32")
    OmegaConf.update(cfg, "trainer.cuda_graphs", False)
    relocate(cfg, moved)
    path = checkpoint_path(directory, name)
    state = checkpoint.load(path, torch.device("cpu"))
    run = build(cfg)
    checkpoint.restore_tensors(state, run.strategy, run.data)
    run.strategy.eval()
    return OpenRun(run, int(cfg.seed), state["progress"]["step"])
