"""The default launcher: jobs side by side in processes of this machine, which stay for further jobs."""

import multiprocessing
import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, final

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobRuntime, run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from vaerun.config import hydra
from vaerun.sweep.marker import busy

PRELOADED = ["vaerun.experiment.fit"]  # imported once, by the process that all others are forked from


@final
class Processes:
    """Runs composed jobs in ``parallel`` processes. A killed process ends only the job that it runs.

    Each process is a ``concurrent.futures.ProcessPoolExecutor`` with one worker, because an executor with several
    workers kills all of them when one dies.
    """

    def launch(
        self, configs: Iterable[DictConfig], task: TaskFunction, context: HydraContext, *, parallel: int, stop: Path
    ) -> None:
        """Runs all jobs; those that have not started when the stop file appears are left out.

        Args:
            configs: the composed configurations, with the hydra node. The next one is taken when a process is free.
            task: the function of a job.
            context: Hydra's; its callbacks are called in the processes.
            parallel: the number of processes.
            stop: the stop file of the sweep.
        """
        forkserver = multiprocessing.get_context("forkserver")
        forkserver.set_forkserver_preload(PRELOADED)
        workers = [_Worker(forkserver) for _ in range(parallel)]
        waiting = iter(configs)
        one_at_a_time = threading.Lock()

        def next_config() -> DictConfig | None:
            with one_at_a_time:
                return None if stop.exists() else next(waiting, None)

        def work(worker: _Worker) -> None:
            while (config := next_config()) is not None:
                worker.run(task, config, context.callbacks)

        with ThreadPoolExecutor(parallel) as threads:
            futures = [threads.submit(work, worker) for worker in workers]
            try:
                for future in _finished(futures):
                    future.result()
            except BaseException:
                waiting = iter(())
                for worker in workers:
                    worker.kill()
                raise
            finally:
                for worker in workers:
                    worker.close()


class _Worker:
    """One process, which is replaced when it dies."""

    def __init__(self, context: Any) -> None:
        self.context = context
        self.executor: ProcessPoolExecutor | None = None

    def run(self, task: TaskFunction, config: DictConfig, callbacks: Any) -> None:
        """Runs one job; returns also if its process dies."""
        if self.executor is None:
            self.executor = ProcessPoolExecutor(1, mp_context=self.context, initializer=_begin)
        try:
            self.executor.submit(_run, task, config, callbacks).result()
        except BrokenProcessPool:
            self.close()

    def kill(self) -> None:
        """Ends the process at once."""
        executor = self.executor
        for process in list((getattr(executor, "_processes", None) or {}).values()):
            process.kill()

    def close(self) -> None:
        """Lets the process end when it has nothing to do."""
        if self.executor is not None:
            self.executor.shutdown(wait=False, cancel_futures=True)
            self.executor = None


def _finished(futures: Sequence[Future[None]]) -> Iterator[Future[None]]:
    """The futures as they finish. It wakes up regularly, so that signal handlers run."""
    left = list(futures)
    while left:
        done = [future for future in left if future.done()]
        yield from done
        left = [future for future in left if future not in done]
        time.sleep(0.05 if left else 0)


def _begin() -> None:
    """Prepares a new process: signals of the terminal go to the sweep alone, which passes them on."""
    os.setsid()
    hydra.prepare()
    setup_globals()
    threading.Thread(target=_end_with_the_sweep, daemon=True).start()


def _end_with_the_sweep() -> None:
    """Ends this process when that of the sweep is gone; a training saves its state before."""
    import signal

    parent = multiprocessing.parent_process()
    if parent is None:
        return
    wait([parent.sentinel])
    if busy.is_set():
        os.kill(os.getpid(), signal.SIGTERM)
    while busy.is_set():
        time.sleep(0.1)
    os._exit(1)


def _run(task: TaskFunction, config: DictConfig, callbacks: Any) -> None:
    """One job, in its process. How it ends stands in its files."""
    JobRuntime.instance().set("name", config.hydra.job.name)
    HydraConfig.instance().set_config(config)
    run_job(
        hydra_context=HydraContext(config_loader=None, callbacks=callbacks),  # type: ignore[arg-type]
        task_function=task,
        config=config,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
    )
