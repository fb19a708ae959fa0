"""Builds and fits the experiment of a composed configuration."""

import logging
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from vaerun.config.catalogue import Catalogue
from vaerun.config.check.tracking import started
from vaerun.config.hydra import searched
from vaerun.config.trust import trusted, trusting
from vaerun.data.data_file import located
from vaerun.errors import UserError
from vaerun.execution import follower, parallel, team
from vaerun.execution.parallel import LostProcessError
from vaerun.experiment.build import build
from vaerun.experiment.directory import FILES, RunDirectory, has_checkpoint
from vaerun.experiment.failure import interrupted, keep_summary
from vaerun.experiment.initial_weights import take_weights
from vaerun.experiment.load import read_again
from vaerun.experiment.make import plain
from vaerun.experiment.summary import unfinished
from vaerun.tracking.base import Tracker
from vaerun.trainer.watcher import Watcher

logger = logging.getLogger("vaerun")

ENDED = ("failed", "diverged", "interrupted")
TRIES = 20  # a tenth of a second each, until the lock of a dead process is free


def fit(
    cfg: DictConfig,
    choices: Mapping[str, str],
    directory: Path,
    *,
    live: bool = True,
    watchers: Sequence[Watcher] = (),
    trackers: Sequence[Tracker] = (),
    words: Sequence[str] = (),
) -> dict[str, Any]:
    """Builds the experiment of ``cfg``, fits it in a locked run directory, and returns the summary.

    The directory is locked first, so that config.yaml and summary.json are written even if the data cannot be read.

    Args:
        cfg: the composed configuration.
        choices: the chosen option of each group, for names and hyperparameters.
        directory: the run directory.
        live: whether to show a status line on a terminal; False for one of several runs.
        watchers: further watchers of the training.
        trackers: further trackers of its records.
        words: what the user typed; a tracker that stores records elsewhere starts only if they name it.

    Raises:
        UserError: the directory is in use or holds another run, or the choices do not fit together.
        RunError: the run failed or diverged.
        Interrupted: a signal came; the state is saved.
    """
    config = {key: value for key, value in plain(cfg).items() if key != "resume"} | {"choices": dict(choices)}
    for key in FILES:
        name = key.removeprefix("data.")
        if config["data"].get(name):  # absolute, so that the data are found from any folder
            config["data"][name] = os.path.realpath(located(key, str(config["data"][name])))
    if config.get("init") is not None:
        config["init"] = os.path.realpath(Path(str(config["init"])).expanduser())  # as for data.path
    tracking = started(config, words, Catalogue(searched())) if "tracking" in config else None
    with RunDirectory(directory, config) as place:
        if place.is_finished:
            place.tell_finished()
            return place.summary
        if tracking is not None:
            config["tracking"] = tracking.nodes
            if tracking.remark:
                logger.warning(tracking.remark)
        begun = has_checkpoint(place.path)
        with ExitStack() as stack:
            try:
                devices = config["execution"].get("devices", 1)
                refuse_batch(config["trainer"]["batch_size"], team.count(devices))
                others = stack.enter_context(team.leading(devices))
                data = read_again(config, place.path, trained_with(place.summary)) if begun else None
                experiment = build(config, data=data, watchers=watchers, trackers=trackers)
                refuse_points(len(experiment.data.train), team.count(devices))
                if config.get("init") is not None and not begun:
                    take_weights(experiment.strategy, Path(config["init"]))
                if others is not None:
                    stack.enter_context(others.join(experiment.device, follow, config, place.path, trusted()))
            except BaseException as error:
                # An earlier run stays as it ended: its status and its data are needed to resume it.
                if not (begun and place.summary.get("status") in ENDED):
                    keep_summary(place.path, unfinished(error, place.path, seed=config["seed"]))
                raise interrupted(error, place.path) from None
            experiment.fit(place, live=live)
        return place.summary


def trained_with(summary: Mapping[str, Any]) -> str | None:
    """The hash of the data of a run, if its summary has it."""
    data = summary.get("data", {})
    return data.get("sha256") if isinstance(data, Mapping) else None


def follow(config: Mapping[str, Any], directory: Path, trust: Sequence[str]) -> None:
    """Takes part in ``fit`` as one of several processes, not the first."""
    with trusting(trust):
        experiment = build(config)
    with follower.joined(experiment.device):
        try:
            experiment.follow(directory)
        except LostProcessError as error:
            summarise_lost(directory, config["seed"])
            raise error from None


def summarise_lost(directory: Path, seed: int) -> None:
    """Writes summary.json if process 0 has ended without doing so, as after SIGKILL; its lock is then free."""
    for _ in range(TRIES):
        try:
            with RunDirectory(directory) as place:
                lost = LostProcessError(
                    f"rank 0 of {parallel.size()} has ended without a message; it may have been killed"
                )
                if place.summary.get("status") == "running":
                    keep_summary(place.path, unfinished(lost, place.path, seed=seed))
                return
        except UserError:
            time.sleep(0.1)


def refuse_batch(batch_size: int, processes: int) -> None:
    """Refuses a batch that cannot be divided equally over the processes.

    Raises:
        UserError: B is not a multiple of their number.
    """
    if batch_size % processes:
        near = max(1, round(batch_size / processes)) * processes
        raise UserError(
            f"trainer.batch_size must be a multiple of the number of processes, {processes}, so that each has an equal "
            f"part of a batch, got {batch_size}: use trainer.batch_size={near}."
        )


def refuse_points(points: int, processes: int) -> None:
    """Refuses training points that are fewer than the processes that divide them.

    Raises:
        UserError: a process would have none.
    """
    if points < processes:
        raise UserError(
            f"the data must have a training point for each of the {processes} processes, got {points}: use "
            "execution.devices=1 without torchrun."
        )
