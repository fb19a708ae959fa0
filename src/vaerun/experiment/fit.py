"""Builds and fits the experiment of a composed configuration."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from vaerun.data.data_file import located
from vaerun.experiment.build import build
from vaerun.experiment.directory import RunDirectory, has_checkpoint
from vaerun.experiment.experiment import interrupted
from vaerun.experiment.failure import keep_summary
from vaerun.experiment.load import read_again
from vaerun.experiment.make import plain
from vaerun.experiment.summary import unfinished
from vaerun.trainer.watcher import Watcher


def fit(
    cfg: DictConfig,
    choices: Mapping[str, str],
    directory: Path,
    *,
    live: bool = True,
    watchers: Sequence[Watcher] = (),
) -> dict[str, Any]:
    """Builds the experiment of ``cfg``, fits it in a locked run directory, and returns the summary.

    The directory is locked first, so that config.yaml and summary.json are written even if the data cannot be read.

    Args:
        cfg: the composed configuration.
        choices: the chosen option of each group, for names and hyperparameters.
        directory: the run directory.
        live: whether to show a status line on a terminal; False for one of several runs.
        watchers: further watchers of the training.

    Raises:
        UserError: the directory is in use or holds another run, or the choices do not fit together.
        RunError: the run failed or diverged.
        Interrupted: a signal came; the state is saved.
    """
    config = {key: value for key, value in plain(cfg).items() if key != "resume"} | {"choices": dict(choices)}
    if config["data"].get("path"):
        # absolute, so that the data are found from any folder
        config["data"]["path"] = os.path.realpath(located("data.path", str(config["data"]["path"])))
    with RunDirectory(directory, config) as place:
        if place.is_finished:
            place.tell_finished()
            return place.summary
        try:
            begun = has_checkpoint(place.path)
            data = read_again(config, place.path, trained_with(place.summary)) if begun else None
            experiment = build(config, data=data, watchers=watchers)
        except BaseException as error:
            keep_summary(place.path, unfinished(error, place.path, seed=config["seed"]))
            raise interrupted(error, place.path) from None
        experiment.fit(place, live=live)
        return place.summary


def trained_with(summary: Mapping[str, Any]) -> str | None:
    """The hash of the data of a run, if its summary has it."""
    data = summary.get("data", {})
    return data.get("sha256") if isinstance(data, Mapping) else None
