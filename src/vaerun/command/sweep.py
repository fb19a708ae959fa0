"""Run many configurations, and compare them.

Every combination of the values in KEY=A,B,... is one job. The jobs run side by side in processes of this machine, one
for each core, and share its cores. The sweep shows where each job is, ends with the table of vaerun compare, and lists
every failed job with the command that runs it again (exit code 1). vaerun train -m is the same.

The same line again with the directory that was printed, or vaerun sweep DIR, continues a sweep: completed jobs are
skipped, interrupted ones go on where they stopped, failed ones run again, and values that are new are added. Ctrl-C,
SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2 end it after the states of all jobs are saved.

Settings of a sweep:
  hydra.sweep.dir=DIR              the directory of the sweep; runs/DATE/TIME_sweep by default
  hydra.sweep.subdir=NAME          the name of a run directory in it; {swept} in it stands for the swept keys
  hydra/launcher=processes         where the jobs run:
                                   processes: on all cores; hydra.launcher.n_jobs=N for N at the same time
                                   basic: one after the other, in one process
                                   joblib: on all cores, by joblib (pip install 'vaerun[parallel]')
                                   submitit_local, submitit_slurm: by submitit (pip install 'vaerun[slurm]'), with
                                   hydra.launcher.partition=NAME, hydra.launcher.timeout_min=MINUTES
                                   ray: on a Ray cluster (pip install 'vaerun[ray]'), with
                                   hydra.launcher.ray.init.address=auto
  sweep.illegal=skip               leave out combinations that cannot run; by default they are listed and no job starts

A search for the best values (pip install 'vaerun[optuna]'):
  hydra/sweeper=optuna             KEY=interval(A,B), KEY=tag(log,interval(A,B)), KEY=range(A,B) or KEY=A,B,...
                                   hydra.sweeper.n_trials=40, hydra.sweeper.objectives=[elbo/valid],
                                   hydra.sweeper.sampler=tpe, hydra.sweeper.pruner=median, hydra.sweeper.seed=0,
                                   hydra.sweeper.storage=FILE (docs/sweeps.md)

A race for the question which configuration is better (docs/racing.md):
  hydra/sweeper=racing             further seeds only where the answer is open; the race chooses the seeds.
                                   hydra.sweeper.min_seeds=3, hydra.sweeper.max_seeds=20, hydra.sweeper.alpha=0.05,
                                   hydra.sweeper.margin=0, hydra.sweeper.objective=elbo/valid

Configuration is written as for vaerun train: see vaerun train --help.

Examples:
  vaerun sweep strategy=amortized,joint,coordinate seed=0,1,2 trainer.epochs=50
  vaerun sweep optimizer.learning_rate=3e-4,1e-3,3e-3 seed=0,1 hydra.sweep.dir=runs/learning_rate
  vaerun sweep runs/learning_rate                                continue it
  vaerun sweep runs/learning_rate seed=0,1,2                     add a seed
  vaerun sweep hydra/sweeper=racing strategy=amortized,joint,coordinate hydra.sweeper.max_seeds=10
  vaerun sweep posterior=gaussian,bernoulli estimator=reparam,score sweep.illegal=skip
  vaerun sweep experiment=lecture/strategies hydra/launcher=submitit_slurm hydra.launcher.partition=cpu
"""

from collections.abc import Sequence
from pathlib import Path

from vaerun.command import train
from vaerun.command.parser import parse, split_words
from vaerun.errors import UserError
from vaerun.sweep.directory import Definition, enter_folder, read_definition, refuse_typed_words
from vaerun.system.output import shown

SWEEP_DIRECTORY = "hydra.sweep.dir"


def main(argv: Sequence[str]) -> int:
    """Runs or continues a sweep; returns the exit code.

    Raises:
        UserError: an argument is wrong, or combinations are illegal. Hydra raises its own exceptions.
    """
    given = parse("sweep", argv)
    directories, words = split_words(given.words, lambda key: "/" not in key)
    flags = [f"{flag}={value}" for flag, value in (("--config-dir", given.config_dir),) if value]
    if not given.words:
        raise UserError("vaerun sweep needs the directory of a sweep, or KEY=A,B,... for a new one.")
    if len(directories) > 1:
        raise UserError(f"vaerun sweep continues one sweep, got {' and '.join(directories)}: give one directory.")
    train.refuse_empty_directories(words)
    if any(word.lstrip("+").startswith("resume=") for word in words):
        raise UserError("resume continues one run, not a sweep: use vaerun train resume=RUN_DIR, or vaerun sweep DIR.")
    if not directories:
        return train.start(["--multirun", *flags], words, Definition(words, [_absolute(flag) for flag in flags]))
    user_folder = Path.cwd()
    return train.start(*continued(Path(directories[0]).expanduser(), words, flags), user_folder)


def continued(directory: Path, words: Sequence[str], flags: Sequence[str]) -> tuple[list[str], list[str], Definition]:
    """The flags, the overrides and the definition of a sweep that is continued; changes to its folder.

    Raises:
        UserError: the directory holds no sweep, or another directory is given.
    """
    if any(word.startswith(f"{SWEEP_DIRECTORY}=") for word in words):
        raise UserError(f"{directory} is the directory of the sweep already: leave out {SWEEP_DIRECTORY}.")
    definition = read_definition(directory).changed(words)
    refuse_typed_words(definition, directory, words)
    definition = definition.with_flags([_absolute(flag) for flag in flags])
    place = directory.resolve()
    enter_folder(definition)
    kept = [word for word in definition.words if not word.startswith(f"{SWEEP_DIRECTORY}=")]
    return ["--multirun", *definition.flags], [*kept, f"{SWEEP_DIRECTORY}='{shown(place)}'"], definition


def _absolute(flag: str) -> str:
    """A flag with a path that holds in every folder."""
    name, _, value = flag.partition("=")
    return f"{name}={Path(value).expanduser().resolve()}"
