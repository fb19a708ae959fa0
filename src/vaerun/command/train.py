"""Train a model.

Choose one option per group (vaerun list shows them all, and which can be combined):
  data=digits              where x comes from: mnist, fashion_mnist, binarized_mnist, arrays, linear_gaussian
  model=vae                p(x, z); with model/prior, model/likelihood, model/decoder
  posterior=gaussian       the family q(z; φ)
  objective=elbo           the bound J; with objective/kl_weight
  estimator=reparam        how its gradient is estimated; with estimator/baseline
  strategy=amortized       where φ comes from: an encoder (amortized, aggressive, alternating), a φ per data point
                           (coordinate, joint), or an encoder whose φ is then improved for each data point
                           (semi_amortized, iterative_amortized)
  amortizer=mlp            the encoder f(x) = φ
  local=solver             the solver for φ of single points; with local/optimizer
  optimizer=adam           the optimiser of θ and λ, the weights of decoder and encoder
  trainer=default          the training loop
  execution=default        how it is computed: device, threads, compilation, precision
  evaluation=bound         the evaluation at the end
  experiment=NAME          a named set of all of these: vaerun list experiment

Set keys of the chosen options:
  seed=0                   the seed of all random numbers
  trainer.epochs=100       trainer.batch_size=100, trainer.max_seconds=600
  trainer.validation.points=1000
                           validation points per evaluation, null for all; trainer.validation.every=1 (epochs),
                           trainer.validation.evaluation_every=N also computes the evaluation every N epochs
  trainer.records.every=100
                           steps between records; trainer.records.images_every=10, trainer.checkpoints.seconds=10
  execution.device=auto    or cpu, cuda; execution.threads=N
  execution.devices=1      processes that share the run, each with its own device or cores; or use torchrun
  execution.compile=true   compile the training step, useful if a run takes minutes; execution.cuda_graphs=true
  execution.precision=float32
                           precision of matrix products in training: float32, tf32 or bfloat16
  objective.num_samples=K  model.latent_dim=D, optimizer.learning_rate=1e-3
  data.binarize=static     or dynamic, threshold, none; data.path=FILE, data.root=FOLDER
  hydra.run.dir=DIR        the run directory; runs/DATE/TIME_CHOICES by default
  resume=DIR               resume the run in DIR where it stopped

Your own YAML files are also found in ./conf, or in the folder that VAERUN_CONF names.

Examples:
  vaerun train strategy=coordinate trainer.epochs=20
  vaerun train posterior=bernoulli estimator=score estimator/baseline=leave_one_out objective.num_samples=4
  vaerun train -m strategy=amortized,joint,coordinate seed=0,1,2      a sweep: every combination
  vaerun train --cfg job                                              show the configuration, run nothing
  vaerun train --config-dir mine data=my_data                         with YAML files of your own
  eval "$(vaerun -sc install=bash)"                                   tab completion
"""

import logging.config
import os
import shutil
import sys
import traceback
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from vaerun.command.flags import SYNTAX
from vaerun.command.parser import parse
from vaerun.config import hydra
from vaerun.config.check import check
from vaerun.config.error_message import explain
from vaerun.errors import UserError
from vaerun.experiment.directory import read_config, relocate, write_summary

LOG = "log.txt"
DIRECTORIES = ("hydra.run.dir", "hydra.sweep.dir", "resume")


class JobFailed(Exception):  # noqa: N818 - named as the sentence it becomes
    """The failure of a job, with a sentence for the user; it can be pickled for parallel sweeps."""

    def __init__(self, sentence: str, exit_code: int, *, of_sweep: bool = False) -> None:
        super().__init__(sentence, exit_code)
        self.sentence, self.exit_code, self.of_sweep = sentence, exit_code, of_sweep


def main(argv: Sequence[str]) -> int:
    """Trains with the arguments of ``vaerun train``; returns the exit code.

    Raises:
        UserError: an argument is wrong. Hydra raises its own exceptions for configurations that it cannot compose.
    """
    given = parse("train", argv)
    flags, overrides = list(hydra_flags(given)), given.words
    for word in overrides:
        key, _, value = word.partition("=")
        if key.lstrip("+") in DIRECTORIES and not value.strip("'\" "):
            raise UserError(
                f"{key} must be the path of a directory, got an empty text: give {key}=DIR or leave it out."
            )
    resumed = [word for word in overrides if word.lstrip("+").startswith("resume=") and not word.endswith("=null")]
    try:
        if resumed:
            resume(resumed, [word for word in overrides if word not in resumed], flags)
        else:
            # Hydra 1.3 refuses flags after overrides.
            sys.argv = [sys.argv[0], *flags, *overrides]
            hydra.prepare()
            hydra.main(task)()
    except JobFailed as failure:
        print(
            f"vaerun: {'the sweep has failed jobs, first ' if failure.of_sweep else ''}{failure.sentence}",
            file=sys.stderr,
        )
        return failure.exit_code
    return 0


def hydra_flags(given: Namespace) -> Iterator[str]:
    """The flags in the form that Hydra expects."""
    for flag in SYNTAX["train"].flags:
        value = getattr(given, flag.dest)
        if value:
            yield f"{flag.name}={value}" if flag.value else flag.name


def task(cfg: DictConfig) -> Any:
    """Runs one job of Hydra in its run directory.

    Raises:
        JobFailed: the job failed, was refused, or was interrupted.
    """
    job = HydraConfig.get()
    directory = Path(job.runtime.output_dir)
    sweep = hydra.is_sweep()
    name = f"job {job.job.num} ({' '.join(job.overrides.task)}): " if sweep else ""
    try:
        choices = checked(cfg, hydra.choices(), hydra.sources())
        from vaerun.experiment.fit import fit

        return fit(cfg, choices, directory, live=not sweep)
    except Exception as error:
        named = any(word.startswith(("hydra.run.dir=", "hydra.sweep.dir=")) for word in job.overrides.hydra)
        raise report(error, directory, name=name, keep=sweep or named) from None


def checked(cfg: DictConfig, choices: Mapping[str, str], roots: Sequence[Path]) -> dict[str, str]:
    """Checks a configuration without importing torch; returns the chosen option of each group.

    Args:
        cfg: without the hydra node.
        choices: the chosen option of each group.
        roots: the configuration directories.

    Raises:
        UserError: a key or value is wrong, or choices do not fit together.
    """
    OmegaConf.set_struct(cfg, False)
    if cfg.pop("resume", None) is not None:
        raise UserError("resume continues one run as it is: give it on the command line, vaerun train resume=DIR.")
    # The config.yaml of a run, used for a new run, contains its choices.
    saved = OmegaConf.to_container(cfg.pop("choices", OmegaConf.create({})))
    made = {**saved, **choices} if isinstance(saved, dict) else dict(choices)
    check(cfg, made, roots)
    return made


def resume(words: Sequence[str], overrides: Sequence[str], flags: Sequence[str]) -> None:
    """Resumes the run in a directory with its own configuration.

    Raises:
        UserError: the directory is not a run directory, or other arguments are given.
        JobFailed: the run failed or was interrupted.
    """
    name = words[-1].partition("=")[2].strip("'\"")
    if flags or len(words) > 1:
        extra = " ".join([*flags, *words[:-1]])
        raise UserError(f"resume={name} continues one run as it is: leave out {extra}.")
    directory = Path(name).expanduser()
    cfg = read_config(directory)
    relocate(cfg, overrides)
    log_to(directory)
    try:
        choices = checked(cfg, {}, hydra.roots())
        from vaerun.experiment.fit import fit

        fit(cfg, choices, directory, live=True)
    except Exception as error:
        raise report(error, directory, keep=True) from None


def log_to(directory: Path) -> None:
    """Sets up logging as Hydra does for a job."""
    file = hydra.own_directory() / "hydra" / "job_logging" / "vaerun.yaml"
    whole = OmegaConf.create({"hydra": {"runtime": {"output_dir": str(directory)}}, "logging": OmegaConf.load(file)})
    logging.config.dictConfig(OmegaConf.to_container(whole.logging, resolve=True))  # type: ignore[arg-type]


def report(error: Exception, directory: Path, *, name: str = "", keep: bool) -> JobFailed:
    """The failure of a job, written to its log.

    Args:
        error: the exception.
        directory: the run directory; it is removed if the job was refused before it wrote a file.
        name: of the job, if it is one of several.
        keep: do not remove the directory.
    """
    log = directory / LOG
    text = " ".join(str(error).split())
    bug = (f"internal error, {type(error).__name__}: {text} (the traceback is in {log})", 1)
    explained = explain(error)
    sentence, code = explained or bug
    if os.environ.get("VAERUN_TRACEBACK") == "1":
        traceback.print_exception(error)
    held = {path.name for path in directory.iterdir()}
    if code == 2 and held <= {LOG} and not keep:
        shutil.rmtree(directory, ignore_errors=True)
    elif not (code == 2 and "checkpoints" in held):
        details = "" if explained else "".join(traceback.format_exception(error))
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{sentence}\n{details}")
        if not (directory / "summary.json").exists():
            write_summary(directory, {"status": "failed", "reason": sentence})
    if name:
        print(f"vaerun: {name}{sentence}", file=sys.stderr, flush=True)
    return JobFailed(f"{name}{sentence}", code, of_sweep=bool(name))
