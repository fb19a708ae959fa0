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
import os
import shutil
import sys
import traceback
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from vaerun.command.flags import SYNTAX
from vaerun.command.parser import parse
from vaerun.config import hydra
from vaerun.config.admission import check_targets
from vaerun.config.check import check
from vaerun.config.error_message import explain
from vaerun.config.trust import trusted, trusting
from vaerun.errors import Interrupted, UserError
from vaerun.experiment.directory import read_config, write_summary
from vaerun.experiment.resume import grow, may_change, recover, relocate
from vaerun.files import UnsafeFileError, open_to_append, refuse_odd
from vaerun.system.output import printable

logger = logging.getLogger("vaerun")

if TYPE_CHECKING:
    from vaerun.sweep.directory import Definition

LOG = "log.txt"
DIRECTORIES = ("hydra.run.dir", "hydra.sweep.dir", "resume")


class JobFailed(Exception):  # noqa: N818 - named as the sentence it becomes
    """The failure of a job, with a sentence for the user; it can be pickled for parallel sweeps."""

    def __init__(self, sentence: str, exit_code: int) -> None:
        super().__init__(sentence, exit_code)
        self.sentence, self.exit_code = sentence, exit_code

    def __str__(self) -> str:
        return self.sentence


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


def start(flags: Sequence[str], overrides: Sequence[str], definition: "Definition | None" = None) -> int:
    """Starts one run, or all runs of a sweep, by Hydra; returns the exit code.

    Args:
        flags: as Hydra takes them.
        overrides: the words of configuration.
        definition: how the sweep was started; by default by these flags and words.

    Raises:
        UserError: an argument is wrong. Hydra raises its own exceptions for configurations that it cannot compose.
        Interrupted: a signal came; the states of all jobs are saved.
    """
    from vaerun.sweep.directory import Definition
    from vaerun.sweep.launcher import Outcome, wrapping
    from vaerun.sweep.words import composable

    kept = [flag for flag in flags if flag.startswith("--config-")]
    how = Definition(overrides, kept) if definition is None else definition
    words, skip = overrides, False
    if "--multirun" in flags:
        words, skip = illegal_skipped(overrides)
        words = composable(words)
    outcome = Outcome()
    # Hydra 1.3 refuses flags after overrides.
    sys.argv = [sys.argv[0], *flags, *words]
    hydra.prepare()
    if not any(flag.startswith("--config-path=") for flag in flags):  # it takes the place of vaerun's own folder
        hydra.prefer_own_launchers()
    try:
        with hydra.launcher_wrapped(wrapping(how, check_composed, outcome, skip=skip)):
            hydra.main(Job(trusted()))()
    except JobFailed as failure:
        print(f"vaerun: {printable(str(failure))}", file=sys.stderr)
        return failure.exit_code
    except KeyboardInterrupt:
        if not outcome.jobs:
            raise
        from vaerun.sweep.ending import interruption

        raise Interrupted(interruption(outcome)) from None
    if not outcome.jobs:
        return 0
    from vaerun.sweep.ending import conclude

    return conclude(outcome, kept)


def illegal_skipped(words: Sequence[str]) -> tuple[list[str], bool]:
    """The words without ``sweep.illegal``, and whether illegal combinations are left out.

    Raises:
        UserError: its value is neither refuse nor skip.
    """
    key = "sweep.illegal="
    values = [word.removeprefix(key) for word in words if word.startswith(key)]
    for value in values:
        if value not in ("refuse", "skip"):
            raise UserError(f"sweep.illegal must be refuse or skip, got {value!r}.")
    return [word for word in words if not word.startswith(key)], values[-1:] == ["skip"]


def check_composed(config: DictConfig) -> None:
    """Checks the composed configuration of a job, with the hydra node, before the sweep starts.

    Raises:
        UserError: as ``checked``.
    """
    runtime = config.hydra.runtime
    plain = config.copy()
    with open_dict(plain):
        del plain["hydra"]
    checked(plain, hydra.chosen(runtime.choices), hydra.sources(runtime))


def hydra_flags(given: Namespace) -> Iterator[str]:
    """The flags in the form that Hydra expects."""
    for flag in SYNTAX["train"].flags:
        value = getattr(given, flag.dest)
        if value:
            yield f"{flag.name}={value}" if flag.value else flag.name


class Job:
    """Runs one job of Hydra in its run directory, also in another process.

    Args:
        trust: the packages that the user trusts; a job of a sweep would not see the command line.
    """

    def __init__(self, trust: Sequence[str]) -> None:
        self.trust = tuple(trust)

    def __call__(self, cfg: DictConfig) -> Any:
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
    except Exception as error:
        named = any(word.startswith(("hydra.run.dir=", "hydra.sweep.dir=")) for word in job.overrides.hydra)
        raise report(error, directory, keep=named) from None


def task_of_sweep(cfg: DictConfig, directory: Path) -> Any:
    """Runs one job of a sweep. An interruption ends the sweep only if both have one process.

    Raises:
        JobFailed: the job failed, was refused, or was interrupted.
    """
    from vaerun.sweep.marker import in_the_sweeps_own_process, marked

    try:
        with marked(directory):
            try:
                return run(cfg, directory, live=False)
            except Exception as error:
                raise report(error, directory, keep=True) from None
    except KeyboardInterrupt as interruption:
        if in_the_sweeps_own_process():
            raise
        raise JobFailed(str(interruption) or "interrupted", Interrupted.exit_code) from None


def run(cfg: DictConfig, directory: Path, *, live: bool) -> Any:
    """Checks and fits the configuration of the present job; returns the summary."""
    refuse_odd(directory / LOG)
    choices = checked(cfg, hydra.choices(), hydra.sources(), HydraConfig.get().overrides.task)
    from vaerun.experiment.fit import fit

    return fit(cfg, choices, directory, live=live)


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
    relocate(cfg, overrides, may_change(directory))
    refuse_odd(directory / LOG)
    log_to(directory)
    try:
        choices = checked(cfg, {}, hydra.roots())
        recover(directory, cfg)
        grow(directory, cfg)
        from vaerun.experiment.fit import fit

        fit(cfg, choices, directory, live=True)
    except Exception as error:
        raise report(error, directory, keep=True) from None


def log_to(directory: Path) -> None:
    """Sets up logging as Hydra does for a job."""
    file = hydra.own_directory() / "hydra" / "job_logging" / "vaerun.yaml"
    whole = OmegaConf.create({"hydra": {"runtime": {"output_dir": str(directory)}}, "logging": OmegaConf.load(file)})
    logging.config.dictConfig(OmegaConf.to_container(whole.logging, resolve=True))  # type: ignore[arg-type]


def report(error: Exception, directory: Path, *, keep: bool) -> JobFailed:
    """The failure of a job, written to its log.

    Args:
        error: the exception.
        directory: the run directory; it is removed if the job was refused before it wrote a file.
        keep: do not remove the directory.
    """
    log = directory / LOG
    text = " ".join(str(error).split())
    bug = (f"internal error, {type(error).__name__}: {text} (the traceback is in {log})", 1)
    explained = explain(error)
    sentence, code = explained or bug
    if os.environ.get("VAERUN_TRACEBACK") == "1":
        traceback.print_exception(error)
    try:
        leave(error, directory, sentence, refused=code == 2, known=explained is not None, keep=keep)
    except (OSError, UnsafeFileError) as second:
        logger.warning("the log of the run could not be written (%s)", second)
    return JobFailed(sentence, code)


def leave(error: Exception, directory: Path, sentence: str, *, refused: bool, known: bool, keep: bool) -> None:
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
