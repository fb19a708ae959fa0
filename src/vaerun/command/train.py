"""Train a model.

Choose one option per group (vaerun list shows them all, and which can be combined):
  data=digits              where x comes from: mnist, fashion_mnist, binarized_mnist, linear_gaussian, or your own
                           arrays, images, torch_dataset
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
  tracking=[tensorboard]   where the records go besides metrics.jsonl and the terminal: any of tensorboard, csv, mlflow,
                           wandb, as in tracking=[tensorboard,csv]; tracking=[] for none
  experiment=NAME          a named set of all of these: vaerun list experiment

Set keys of the chosen options:
  seed=0                   the seed of all random numbers
  trainer.epochs=100       trainer.batch_size=100, trainer.max_seconds=600
  trainer.validation.points=1000
                           validation points per evaluation, null for all; trainer.validation.every=N (epochs),
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
  resume=DIR               resume the run in DIR where it stopped; resume=DIR trainer.epochs=N also trains it longer;
                           a diverged run also takes optimizer.learning_rate=1e-4 and other step sizes

Your own YAML files are also found in ./conf, or in the folder that VAERUN_CONF names. A class that is not of vaerun is
built only if you name its package: trust=mylab, or VAERUN_TRUST=mylab; several as trust=[mylab,other].

Examples:
  vaerun train strategy=coordinate trainer.epochs=20
  vaerun train posterior=bernoulli estimator=score estimator/baseline=leave_one_out objective.num_samples=4
  vaerun train -m strategy=amortized,joint,coordinate seed=0,1,2      a sweep: every combination (vaerun sweep)
  vaerun train --cfg job                                              show the configuration, run nothing
  vaerun train --config-dir mine data=my_data trust=mylab             with YAML files and classes of your own
  eval "$(vaerun -sc install=bash)"                                   tab completion
"""

import logging
import logging.config
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import OmegaConf

from vaerun.command.flags import SYNTAX
from vaerun.command.job import LOG, Job, JobFailed, check_composed, checked, report
from vaerun.command.parser import parse
from vaerun.config import hydra
from vaerun.config.check.tracking import is_of_trackers
from vaerun.config.trust import trusted
from vaerun.errors import RAISED, Interrupted, UserError, close_match
from vaerun.experiment.directory import read_config
from vaerun.experiment.resume import grow, may_change, recover, relocate
from vaerun.system.files import refuse_odd
from vaerun.system.output import printable

if TYPE_CHECKING:
    from vaerun.sweep.directory import Definition

DIRECTORIES = ("hydra.run.dir", "hydra.sweep.dir", "resume")


def main(argv: Sequence[str]) -> int:
    """Trains with the arguments of ``vaerun train``; returns the exit code.

    Raises:
        UserError: an argument is wrong. Hydra raises its own exceptions for configurations that it cannot compose.
    """
    given = parse("train", argv)
    flags, overrides = list(hydra_flags(given)), given.words
    refuse_empty_directories(overrides)
    resumed = [word for word in overrides if word.lstrip("+").startswith("resume=") and not word.endswith("=null")]
    if not resumed:
        return start(flags, overrides)
    try:
        resume(resumed, [word for word in overrides if word not in resumed], flags)
    except JobFailed as failure:
        print(f"vaerun: {printable(str(failure))}", file=sys.stderr)
        return failure.exit_code
    return 0


def refuse_empty_directories(words: Sequence[str]) -> None:
    """Refuses an empty text as a directory.

    Raises:
        UserError: the key, and what to do.
    """
    for word in words:
        key, _, value = word.partition("=")
        if key.lstrip("+") in DIRECTORIES and not value.strip("'\" "):
            raise UserError(
                f"{key} must be the path of a directory, got an empty text: give {key}=DIR or leave it out."
            )


def start(
    flags: Sequence[str],
    overrides: Sequence[str],
    definition: "Definition | None" = None,
    user_folder: Path | None = None,
) -> int:
    """Starts one run, or all runs of a sweep, by Hydra; returns the exit code.

    Args:
        flags: as Hydra takes them.
        overrides: the words of configuration.
        definition: how the sweep was started; by default by these flags and words.
        user_folder: the folder in which the user stands; by default the current one.

    Raises:
        UserError: an argument is wrong. Hydra raises its own exceptions for configurations that it cannot compose.
        Interrupted: a signal came; the states of all jobs are saved.
    """
    from vaerun.search.choose import choosing
    from vaerun.sweep.directory import Definition
    from vaerun.sweep.launcher import wrapping
    from vaerun.sweep.outcome import Outcome, Plan
    from vaerun.sweep.words import composable

    kept = [flag for flag in flags if flag.startswith("--config-")]
    how = Definition(overrides, kept) if definition is None else definition
    words, skip = overrides, False
    if "--multirun" in flags:
        words, skip = illegal_skipped(overrides)
        words = composable(words)
    outcome = Outcome(Plan(how, check_composed, skip, user_folder or Path.cwd()))
    # Hydra 1.3 refuses flags after overrides.
    sys.argv = [sys.argv[0], *flags, *words]
    hydra.prepare()
    if not any(flag.startswith("--config-path=") for flag in flags):  # it takes the place of vaerun's own folder
        hydra.prefer_own_settings()
    try:
        with hydra.launcher_wrapped(wrapping(outcome)), hydra.sweeper_wrapped(choosing(outcome)):
            hydra.run(Job(trusted()))
    except JobFailed as failure:
        print(f"vaerun: {printable(str(failure))}", file=sys.stderr)
        return failure.exit_code
    except KeyboardInterrupt:
        if not outcome.jobs:
            raise
        from vaerun.sweep.ending import interruption

        raise Interrupted(interruption(outcome)) from None
    if outcome.code is not None:
        return outcome.code
    if not outcome.jobs:
        return 0
    from vaerun.sweep.ending import conclude

    return conclude(outcome, kept)


def illegal_skipped(words: Sequence[str]) -> tuple[list[str], bool]:
    """The words without ``sweep.illegal``, and whether illegal combinations are left out.

    Raises:
        UserError: its value is neither refuse nor skip, or the key is another of ``sweep``.
    """
    key = "sweep.illegal="
    for word in words:
        name = word.lstrip("+~").partition("=")[0]
        if name.startswith("sweep.") and not word.startswith(key):
            near = close_match(name, ["sweep.illegal"]) if name != "sweep.illegal" else ""
            raise UserError(f"{word} is not a setting of a sweep.{near} Write sweep.illegal=skip, or leave it out.")
    values = [word.removeprefix(key) for word in words if word.startswith(key)]
    for value in values:
        if value not in ("refuse", "skip"):
            raise UserError(f"sweep.illegal must be refuse or skip, got {value!r}.")
    return [word for word in words if not word.startswith(key)], values[-1:] == ["skip"]


def hydra_flags(given: Namespace) -> Iterator[str]:
    """The flags in the form that Hydra expects."""
    for flag in SYNTAX["train"].flags:
        value = getattr(given, flag.dest)
        if value:
            yield f"{flag.name}={value}" if flag.value else flag.name


def resume(words: Sequence[str], overrides: Sequence[str], flags: Sequence[str]) -> None:
    """Resumes the run in a directory: as it is, with a larger budget, or with other step sizes after a divergence.

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
    trackers = [word for word in overrides if is_of_trackers(word)]
    relocate(cfg, [word for word in overrides if word not in trackers], may_change(directory))
    if trackers:
        cfg.tracking = hydra.compose(trackers)[0].tracking
    refuse_odd(directory / LOG)
    log_to(directory)
    try:
        choices = checked(cfg, {}, hydra.roots(), trackers)
        recover(directory, cfg)
        grow(directory, cfg)
        from vaerun.experiment.fit import fit

        fit(cfg, choices, directory, live=True, words=trackers)
    except RAISED as error:
        raise report(error, directory, keep=True) from None


def log_to(directory: Path) -> None:
    """Sets up logging as Hydra does for a job."""
    file = hydra.own_directory() / "hydra" / "job_logging" / "vaerun.yaml"
    whole = OmegaConf.create({"hydra": {"runtime": {"output_dir": str(directory)}}, "logging": OmegaConf.load(file)})
    logging.config.dictConfig(OmegaConf.to_container(whole.logging, resolve=True))  # type: ignore[arg-type]
