"""The life of a run: claimed, trained, evaluated, and left with a summary of how that ended."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from vaerun import directory as place
from vaerun.build import Run, build
from vaerun.errors import Interrupted
from vaerun.evaluation.pictures import Pictures
from vaerun.summary import (
    hyperparameters,
    outcome,
    summarise,
    unfinished,
)
from vaerun.tracking.base import POSITION, Tracker, code_block
from vaerun.tracking.console import Console
from vaerun.tracking.fanout import Fanout
from vaerun.tracking.jsonl import Jsonl, read, truncate_after
from vaerun.tracking.tensorboard import TensorBoard, overlays
from vaerun.trainer import checkpoint
from vaerun.trainer.interrupt import Interruption, interruption

logger = logging.getLogger("vaerun")


def fit(cfg: DictConfig, *, choices: Mapping[str, str], directory: Path, live: bool = True) -> dict[str, Any]:
    """Trains in ``directory`` what ``cfg`` says, going on from a checkpoint where one is, and returns the summary.

    Args:
        cfg: the composed configuration.
        choices: the option chosen of each group, for names and hyperparameters.
        directory: the run directory; created if absent.
        live: whether to draw a status line on a terminal; False for one of several runs.

    Raises:
        UserError: the directory is in use or holds another run, or a choice cannot work.
        RunError: the run failed or diverged; the summary says of what.
        Interrupted: a signal came; the state is saved.
    """
    with place.claim(directory):
        config: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True)  # type: ignore[assignment]
        config = {key: value for key, value in config.items() if key != "resume"} | {"choices": dict(choices)}
        if config["data"].get("path") is not None:
            # The run must find its data again from any other folder.
            config["data"]["path"] = str(Path(config["data"]["path"]).expanduser().resolve())
        place.write_config(directory, config)
        if place.read_summary(directory).get("status") == "completed":
            logger.info("%s is finished: nothing to do", directory)
            return place.read_summary(directory)
        place.write_summary(directory, {"status": "running", "reason": None, "seed": config["seed"]})
        try:
            with interruption() as wish:
                summary = train(cfg, config, directory, wish, live=live)
        except BaseException as error:
            place.write_summary(directory, unfinished(error, read_records(directory), config["seed"]))
            if isinstance(error, KeyboardInterrupt):
                raise Interrupted(f"{error or 'interrupted'}; go on with: vaerun train resume={directory}") from None
            raise
        place.write_summary(directory, summary)
        return summary


def train(
    cfg: DictConfig, config: Mapping[str, Any], directory: Path, wish: Interruption, *, live: bool
) -> dict[str, Any]:
    """Builds, fits, evaluates; returns the summary of the completed run."""
    run = build(cfg)
    last = place.checkpoint_path(directory, "last")
    resumed_at = checkpoint.load(last, torch.device("cpu"))["progress"]["step"] if last.exists() else None
    tracker, console = trackers(run, config, directory, resumed_at, live=live)
    pictures = Pictures(run.strategy, run.data)

    def draw(step: int) -> None:
        if pictures.drawable():
            tracker.images(step, "samples/prior", pictures.prior_picture(64))
            tracker.images(step, "reconstructions/valid", pictures.reconstruction_picture(32))

    announce(run, directory, resumed_at)
    status = "failed"
    try:
        progress = run.trainer.fit(
            run.strategy,
            run.data,
            seed=config["seed"],
            tracker=tracker,
            pictures=draw,
            on_step=console.step,
            directory=last.parent,
            resume=resumed_at is not None,
            wish=wish,
            evaluate=lambda: run.evaluate(config["seed"]),
            test=lambda: run.test(config["seed"]),
        )
        status = "completed"
    except BaseException as error:
        status = outcome(error)
        raise
    finally:
        tracker.close(status)
    records = read_records(directory)
    for tag, value in records[-1].items():
        if tag not in POSITION:
            logger.info("%-22s %9.3f", tag, value)
    return summarise(run, progress, records, config["seed"])


def trackers(
    run: Run, config: Mapping[str, Any], directory: Path, resumed_at: int | None, *, live: bool
) -> tuple[Tracker, Console]:
    """Where records go: metrics.jsonl, TensorBoard and the console; what a killed run wrote too much is cut off."""
    known = -1 if resumed_at is None else resumed_at
    truncate_after(directory / "metrics.jsonl", known)
    bound = "elbo" if run.strategy.bound.model.is_density else "pseudo_elbo"
    console = Console(
        epochs=run.trainer.epochs,
        steps_per_epoch=run.steps_per_epoch,
        batch_size=run.batch_size,
        live=live,
        headline=(f"{bound}/train", f"{bound}/valid"),
    )
    tensorboard = TensorBoard(directory, layout=overlays(bound, "log_likelihood", "kl"), purge_after=known)
    tracker = Fanout([Jsonl(directory / "metrics.jsonl"), tensorboard, console])
    tracker.text("config", code_block(OmegaConf.to_yaml(OmegaConf.create(dict(config))), "yaml"))
    tracker.hparams(hyperparameters(config))
    return tracker, console


def read_records(directory: Path) -> list[dict[str, float]]:
    """What the run has recorded so far."""
    path = directory / "metrics.jsonl"
    return read(path) if path.exists() else []


def announce(run: Run, directory: Path, resumed_at: int | None) -> None:
    """Says what is about to happen, and where its results will be."""
    counts = ", ".join(f"{name} {count:,}" for name, count in run.strategy.num_parameters().items() if count)
    sizes = f"{len(run.data.train):,} + {len(run.data.valid):,} + {len(run.data.test):,}"
    logger.info("run        %s", directory)
    logger.info("data       %s (%s), %s points", run.data.name, run.data.binarize, sizes)
    logger.info("parameters %s", counts)
    computing = f"{run.threads} thread{'s' * (run.threads > 1)}, products by {run.products}"
    logger.info("device     %s%s", run.device, f", {computing}" if run.device.type == "cpu" else "")
    if resumed_at is not None:
        logger.info("going on from step %d", resumed_at)
