"""One job of Hydra: checks its configuration, fits its experiment, and says how it failed."""

import logging
import os
import shutil
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from vaerun.config import hydra
from vaerun.config.admission import check_targets
from vaerun.config.check import check
from vaerun.config.error_message import explain
from vaerun.config.trust import bug, trusted, trusting
from vaerun.errors import RAISED, Interrupted, UserError
from vaerun.experiment.directory import write_summary
from vaerun.system.files import UnsafeFileError, refuse_odd
from vaerun.system.output import printable
from vaerun.system.whole_file import open_to_append

logger = logging.getLogger("vaerun")

LOG = "log.txt"


class JobFailed(Exception):  # noqa: N818 - named as the sentence it becomes
    """The failure of a job, with a sentence for the user; it can be pickled for parallel sweeps."""

    def __init__(self, sentence: str, exit_code: int) -> None:
        super().__init__(sentence, exit_code)
        self.sentence, self.exit_code = sentence, exit_code

    def __str__(self) -> str:
        return self.sentence


class Job:
    """Runs one job of Hydra in its run directory, also in another process.

    Args:
        trust: the packages that the user trusts; a job of a sweep would not see the command line.
    """

    def __init__(self, trust: Sequence[str]) -> None:
        self.trust = tuple(trust)
        self.folder = Path.cwd()

    def __call__(self, cfg: DictConfig) -> Any:
        if hydra.is_sweep() and Path.cwd() != self.folder:
            os.chdir(self.folder)  # of the sweep, on which relative paths such as data.path count
        with trusting(self.trust):
            return task(cfg)


def task(cfg: DictConfig) -> Any:
    """Builds and fits the experiment of a job.

    Raises:
        JobFailed: the job failed, was refused, or was interrupted.
    """
    job = HydraConfig.get()
    directory = Path(job.runtime.output_dir)
    if hydra.is_sweep():
        return task_of_sweep(cfg, directory)
    try:
        return run(cfg, directory, live=True)
    except RAISED as error:
        named = any(word.startswith(("hydra.run.dir=", "hydra.sweep.dir=")) for word in job.overrides.hydra)
        raise report(error, directory, keep=named) from None


def task_of_sweep(cfg: DictConfig, directory: Path) -> Any:
    """Runs one job of a sweep. An interruption ends the sweep only if both have one process.

    Raises:
        JobFailed: the job failed, was refused, or was interrupted.
    """
    from vaerun.sweep import slurm
    from vaerun.sweep.marker import in_the_sweeps_own_process, is_pruned, marked, stop_file

    slurm.enter()
    try:
        with marked(directory):
            try:
                return run(cfg, directory, live=False)
            except RAISED as error:
                raise report(error, directory, keep=True) from None
    except KeyboardInterrupt as interruption:
        if in_the_sweeps_own_process() and not is_pruned(directory):
            raise
        if slurm.in_job() and not stop_file(directory.parent).exists() and not is_pruned(directory):
            slurm.leave()
        raise JobFailed(str(interruption) or "interrupted", Interrupted.exit_code) from None


def run(cfg: DictConfig, directory: Path, *, live: bool) -> Any:
    """Checks and fits the configuration of the present job; returns the summary."""
    refuse_odd(directory / LOG)
    words: list[str] = OmegaConf.to_container(HydraConfig.get().overrides.task)  # type: ignore[assignment]
    choices = checked(cfg, hydra.choices(), hydra.sources(), words)
    from vaerun.experiment.fit import fit

    return fit(cfg, choices, directory, live=live, words=words)


def checked(
    cfg: DictConfig, choices: Mapping[str, str], roots: Sequence[Path], words: Sequence[str] = ()
) -> dict[str, str]:
    """Checks a configuration without importing torch; returns the chosen option of each group.

    Args:
        cfg: without the hydra node.
        choices: the chosen option of each group.
        roots: the configuration directories.
        words: of the command line.

    Raises:
        UserError: a key or value is wrong, or choices do not fit together.
    """
    OmegaConf.set_struct(cfg, False)
    if cfg.pop("resume", None) is not None:
        raise UserError("resume continues one run as it is: give it on the command line, vaerun train resume=DIR.")
    # The config.yaml of a run, used for a new run, contains its choices.
    saved = OmegaConf.to_container(cfg.pop("choices", OmegaConf.create({})))
    check_targets({"choices": saved})
    made = {**saved, **choices} if isinstance(saved, dict) else dict(choices)
    check(cfg, made, roots, words)
    return made


def check_composed(config: DictConfig) -> None:
    """Checks the composed configuration of a job, with the hydra node, before the sweep starts.

    Raises:
        UserError: as ``checked``.
    """
    runtime = config.hydra.runtime
    plain = config.copy()
    with open_dict(plain):
        del plain["hydra"]
    typed = [str(word) for word in config.hydra.overrides.task]
    words = [word.partition("=")[0] if word.startswith("~") else word for word in typed]  # Hydra adds a value to ~KEY
    checked(plain, hydra.chosen(runtime.choices), hydra.sources(runtime), words)


def report(error: BaseException, directory: Path, *, keep: bool) -> JobFailed:
    """The failure of a job, written to its log.

    Args:
        error: the exception.
        directory: the run directory; it is removed if the job was refused before it wrote a file.
        keep: do not remove the directory.
    """
    log = directory / LOG
    explained = explain(error)
    sentence, code = explained or (bug(error, trusted(), f"the traceback is in {log}"), 1)
    if os.environ.get("VAERUN_TRACEBACK") == "1":
        traceback.print_exception(error)
    try:
        leave(error, directory, sentence, refused=code == 2, known=explained is not None, keep=keep)
    except (OSError, UnsafeFileError) as second:
        logger.warning("the log of the run could not be written (%s)", second)
    return JobFailed(sentence, code)


def leave(error: BaseException, directory: Path, sentence: str, *, refused: bool, known: bool, keep: bool) -> None:
    """Removes the directory of a job that was refused before it wrote a file, or writes why the job failed.

    Raises:
        OSError: the directory cannot be read or written.
    """
    held = {path.name for path in directory.iterdir()}
    if refused and held <= {LOG} and not keep:
        shutil.rmtree(directory, ignore_errors=True)
    elif not (refused and "checkpoints" in held):
        details = "" if known else "".join(traceback.format_exception(error))
        with open_to_append(directory / LOG) as file:
            file.write(f"{printable(sentence)}\n{details}".encode(errors="backslashreplace"))
        if not (directory / "summary.json").exists():
            write_summary(directory, {"status": "failed", "reason": sentence})
