"""The life of a run: claimed, trained, evaluated, and left with a summary of how that ended."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from vaerun import directory as place
from vaerun.build import build
from vaerun.built import Run
from vaerun.errors import Interrupted
from vaerun.evaluation.base import Findings
from vaerun.evaluation.embedding import embed
from vaerun.evaluation.pictures import Pictures
from vaerun.summary import (
    described,
    environment,
    hyperparameters,
    newest,
    outcome,
    reason,
    summarise,
    unfinished,
)
from vaerun.tracking import page
from vaerun.tracking.base import POSITION, Tracker
from vaerun.tracking.console import Console
from vaerun.tracking.fanout import Fanout
from vaerun.tracking.jsonl import Jsonl, read, truncate_after
from vaerun.tracking.layout import QUESTIONS
from vaerun.tracking.tensorboard import TensorBoard
from vaerun.trainer import checkpoint
from vaerun.trainer.interrupt import Interruption, interruption
from vaerun.trainer.seed import isolated

LATENTS = 10  # rows of a traversal, at most
PAIRS = 8  # rows of an interpolation

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
        run: Run | None = None
        try:
            with interruption() as wish:
                run = build(cfg)
                summary = train(run, config, directory, wish, live=live)
        except BaseException as error:
            records = read_records(directory)
            place.write_summary(directory, unfinished(error, records, seed=config["seed"], run=run))
            if isinstance(error, KeyboardInterrupt):
                raise Interrupted(f"{error or 'interrupted'}; go on with: vaerun train resume={directory}") from None
            raise
        place.write_summary(directory, summary)
        return summary


def train(run: Run, config: Mapping[str, Any], directory: Path, wish: Interruption, *, live: bool) -> dict[str, Any]:
    """Fits, evaluates; returns the summary of the completed run."""
    last = place.checkpoint_path(directory, "last")
    resumed_at = checkpoint.load(last, torch.device("cpu"))["progress"]["step"] if last.exists() else None
    tracker, console = trackers(run, config, directory, resumed_at, live=live)
    pictures = Pictures(run.strategy, run.data)

    def draw(step: int) -> None:
        if pictures.drawable():
            tracker.images(step, "samples/prior", pictures.prior_picture(64))
            tracker.images(step, "reconstructions/valid", pictures.reconstruction_picture(32))

    announce(run, directory, resumed_at)
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
            test=lambda: conclude(run, pictures, tracker, config["seed"]),
        )
    except BaseException as error:
        end(tracker, directory, outcome(error), reason(error))
        raise
    records = end(tracker, directory, "completed")
    for tag, value in records[-1].items():
        if tag not in POSITION:
            logger.info("%-22s %9.3f", tag, value)
    return summarise(run, progress, records, config["seed"])


def conclude(run: Run, pictures: Pictures, tracker: Tracker, seed: int) -> Findings:
    """The test figures of the best state, and what it has learned to see: the latents one by one and where x lies."""
    findings = run.test(seed)
    if not run.trainer.images_every:
        return findings
    run.strategy.eval()
    drawn = dict(findings.pictures)
    with isolated(seed, run.device), torch.no_grad():
        tracker.embedding(embed(run.strategy, run.data, pictures.canvas))
        if pictures.drawable():
            drawn["traversal/valid"] = pictures.traversal_picture(LATENTS)
            drawn["interpolation/valid"] = pictures.interpolation_picture(PAIRS)
    return findings._replace(pictures=drawn)


def end(tracker: Tracker, directory: Path, status: str, why: str | None = None) -> list[dict[str, float]]:
    """Tells the tracker how the run has ended, if it will not go on; returns what the run has recorded."""
    try:
        records = read_records(directory)
        if status != "interrupted":
            step = int(records[-1]["step"]) if records else 0
            tracker.text("results", page.results(status, why, newest(records)), step=step)
    finally:
        tracker.close(status)
    return records


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
    tensorboard = TensorBoard(directory, layout=QUESTIONS, purge_after=known)
    tracker = Fanout([Jsonl(directory / "metrics.jsonl"), tensorboard, console])
    tracker.text("environment", page.environment(environment(run)))
    tracker.text("config", page.code_block(OmegaConf.to_yaml(OmegaConf.create(dict(config))), "yaml"))
    tracker.hparams(hyperparameters(config))
    return tracker, console


def read_records(directory: Path) -> list[dict[str, float]]:
    """What the run has recorded so far."""
    path = directory / "metrics.jsonl"
    return read(path) if path.exists() else []


def announce(run: Run, directory: Path, resumed_at: int | None) -> None:
    """Says what is about to happen, and where its results will be."""
    logger.info("%-10s %s", "run", directory)
    for name, words in described(run).items():
        logger.info("%-10s %s", name, words)
    if resumed_at is not None:
        logger.info("going on from step %d", resumed_at)
