"""Gives the jobs of a sweep to a launcher of Hydra, or to vaerun's own."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Any

from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from vaerun.execution.cores import available_cores, cores
from vaerun.sweep import marker
from vaerun.sweep.job import Job
from vaerun.sweep.processes import Processes
from vaerun.sweep.slurm import patient
from vaerun.sweep.watch import Watch

ON_THIS_MACHINE = ("Processes", "JoblibLauncher", "LocalLauncher")


class Starter:
    """Starts jobs with a launcher.

    Args:
        inner: the launcher.
        task: the function of a job.
        context: Hydra's.
        config: of the sweep.
        sweep: the directory of the sweep.
    """

    def __init__(self, inner: Any, task: TaskFunction, context: HydraContext, config: DictConfig, sweep: Path) -> None:
        self.inner, self.task, self.context, self.config, self.sweep = inner, task, context, config, sweep
        self.stop = marker.stop_file(sweep)
        self.kind = type(inner).__name__  # by name, because the packages of other launchers may be missing

    def start(
        self, todo: Iterable[Job], index: int, parallel: int | None, watch: Watch, batch: int | None = None
    ) -> Exception | None:
        """Runs the jobs; returns the error of the launcher itself.

        Args:
            todo: the jobs. The next one is taken when a process is free, if the launcher can start single jobs.
            index: the number of the first.
            parallel: how many of them share this machine at the same time; None if they run elsewhere.
            watch: watches them.
            batch: how many jobs are taken at a time if the launcher cannot start single jobs; None for all.
        """
        share = {} if parallel is None else {"OMP_NUM_THREADS": str(_share(parallel))}
        with _environment(**share, **{marker.SWEEP_PID: str(os.getpid())}):
            if isinstance(self.inner, Processes):
                configs = (_for_its_directory(job) for job in todo)
                self.inner.launch(configs, self.task, self.context, parallel=parallel or 1, stop=self.stop)
                return None
            if self.kind == "JoblibLauncher":
                self.inner.joblib["n_jobs"] = parallel  # by which the cores are shared
            local = self.kind == "LocalLauncher"  # it starts all its jobs at the same time
            size = parallel if local and parallel else batch
            waiting = iter(todo)
            while part := list(islice(waiting, size)):
                try:
                    with patient() if self.kind == "SlurmLauncher" else nullcontext():
                        self.inner.launch([self._words(job) for job in part], index)
                except Exception as error:
                    watch.wait(part)
                    if not local:
                        return error
                index += len(part)
                if watch.asked:
                    break
        return None

    def _words(self, job: Job) -> list[str]:
        """A job as overrides, for launchers that compose again in another process; a worker of Ray is in any folder."""
        sweep = str(self.stop.parent.parent).replace("'", "\\'")
        words = [*job.overrides, f"hydra.sweep.dir='{sweep}'", f"hydra.sweep.subdir='{job.name}'"]
        if job.config.hydra.runtime.choices.get("hydra/job_logging") == "vaerun":
            words.append("hydra.job_logging.root.handlers=[file]")
        return words

    def parallel(self, jobs: Sequence[Job]) -> int | None:
        """How many jobs share this machine at the same time; None if they run elsewhere."""
        threads = max([int(OmegaConf.select(job.config, "execution.threads") or 1) for job in jobs], default=1)
        return self.places(threads, len(jobs))

    def places(self, threads: int, most: int) -> int | None:
        """How many jobs share this machine at the same time; None if they run elsewhere.

        Args:
            threads: of one job.
            most: how many jobs there are.
        """
        if self.kind == "BasicLauncher":
            return 1
        if self.kind not in ON_THIS_MACHINE:
            return None
        asked = OmegaConf.select(self.config, "hydra.launcher.n_jobs")
        parallel = int(asked) if asked is not None and int(asked) > 0 else max(1, available_cores() // threads)
        return max(1, min(parallel, most))


def _share(parallel: int) -> int:
    """The cores of one of several jobs on this machine, at most what the user allows a process."""
    return max(1, min(available_cores() // parallel, max(cores(), 1)))


def _for_its_directory(job: Job) -> DictConfig:
    """The configuration of a job, with its directory, and a log in its file only."""
    config = job.config.copy()
    with open_dict(config):
        config.hydra.sweep.subdir = job.name
        if config.hydra.runtime.choices.get("hydra/job_logging") == "vaerun":
            config.hydra.job_logging.root.handlers = ["file"]
    return config


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """Environment variables for the processes that are started now."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
