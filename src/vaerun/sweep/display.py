"""What a sweep shows while it runs: a table on a terminal, one line per event elsewhere."""

import sys
from collections.abc import Sequence
from typing import Any

from vaerun.sweep import progress
from vaerun.sweep.job import Job
from vaerun.sweep.progress import COMPLETED, ENDED, FAILED, INTERRUPTED, LOST, PRUNED, RUNNING, WAITING, State
from vaerun.system import output

NAMES = {
    COMPLETED: "completed",
    FAILED: "failed",
    INTERRUPTED: "stopped, state saved",
    LOST: "its process was killed",
    PRUNED: "pruned",
}


class Display:
    """Shows the states of all jobs on standard error. Call ``update`` about twice per second.

    Args:
        jobs: all jobs of the sweep. The list may grow.
        parallel: jobs at the same time; None if the launcher does not say.
        total: how many jobs there will be, if the list grows.
    """

    def __init__(self, jobs: Sequence[Job], parallel: int | None, total: int | None = None) -> None:
        self.jobs, self.parallel, self.total = jobs, parallel, total
        self.states: list[State] = [State(WAITING)] * len(jobs)
        # bytes of each log that were read; what an earlier sweep has logged is not said again
        self.read = {job.name: progress.size(job.directory / "log.txt") for job in jobs}
        self.begun: set[str] = set()  # jobs that were said to have started
        self.live: Any = _live() if sys.stderr.isatty() else None

    def start(self) -> None:
        """Draws the table, if there is a terminal."""
        if self.live is not None:
            self.live.start()

    def close(self) -> None:
        """Removes the table."""
        if self.live is not None:
            self.live.stop()
            self.live = None

    def update(self, states: Sequence[State]) -> None:
        """Shows new states: each change and each warning of a job as a line, and the table below."""
        new_jobs = [State(WAITING)] * (len(states) - len(self.states))
        before, self.states = [*self.states, *new_jobs], list(states)
        for job, old, new in zip(self.jobs, before, states, strict=True):
            if new.status in (RUNNING, *ENDED) and not new.earlier:
                self._warnings(job)
            if new.status != old.status and not new.earlier:
                self._changed(job, new)
        if self.live is not None:
            self.live.update(self.table(), refresh=True)

    def say(self, text: str) -> None:
        """One line, above the table."""
        if self.live is not None:
            self.live.console.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)
        else:
            output.say(text)

    def table(self) -> Any:
        """The jobs that run, and a line about the others."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False)
        table.add_column("job", overflow="ellipsis", no_wrap=True)
        for title in ("epoch", "bound", "samples/s", "time left"):
            table.add_column(title, justify="right", no_wrap=True)
        running = [job for job, state in zip(self.jobs, self.states, strict=True) if state.status == RUNNING]
        room = max(1, self.live.console.height - 4) if self.live is not None else len(running)
        for job in running[:room]:
            at = progress.position(job)
            table.add_row(
                Text(job.label),
                f"{at.epoch:g}/{at.epochs}",
                "" if at.value is None else f"{at.bound} {at.value:.2f}",
                "" if at.speed is None else f"{at.speed:,.0f}",
                "" if at.left is None else clock(at.left),
            )
        below = Text(self.counts(), no_wrap=True, overflow="ellipsis")
        return Group(table, below) if running else below

    def counts(self) -> str:
        """``3 of 9 jobs completed, 1 failed, 2 running, 3 waiting, about 1:20 left``."""
        number = {status: sum(state.status == status for state in self.states) for status in NAMES}
        text = f"{number[COMPLETED]} of {self._total()} jobs completed"
        for status, name in ((FAILED, "failed"), (PRUNED, "pruned"), (INTERRUPTED, "stopped"), (LOST, "killed")):
            text += f", {number[status]} {name}" if number[status] else ""
        for status in (RUNNING, WAITING):
            count = sum(state.status == status for state in self.states)
            text += f", {count} {status}" if count else ""
        left = self.left()
        return text + ("" if left is None else f", about {clock(left)} left")

    def left(self) -> float | None:
        """The estimated seconds until the end of the sweep; None before the first job has ended."""
        took = [state.seconds for state in self.states if state.status == COMPLETED and not state.earlier]
        if not took:
            return None
        mean = sum(took) / len(took)
        running = [max(0.0, mean - state.seconds) for state in self.states if state.status == RUNNING]
        unknown = self._total() - len(self.jobs)
        waiting = sum(state.status == WAITING for state in self.states) + unknown
        return (waiting * mean + sum(running)) / max(1, self.parallel or len(running))

    def _total(self) -> int:
        return max(len(self.jobs), self.total or 0)

    def _changed(self, job: Job, state: State) -> None:
        if state.status == RUNNING:
            if self.live is None:
                self._started(job)
            return
        if state.status not in ENDED:
            return
        if self.live is None and job.name not in self.begun:
            self._started(job)  # it ended before it was looked at
        what = NAMES[state.status]
        if state.status == COMPLETED:
            what = f"completed  {progress.result(job.directory)}"
        elif state.status == FAILED:
            what = f"failed: {state.reason}"
        self.say(f"[{job.label}] {what}  ({clock(state.seconds)}; {self.counts()})")

    def _started(self, job: Job) -> None:
        self.begun.add(job.name)
        self.say(f"[{job.label}] started")

    def _warnings(self, job: Job) -> None:
        path = job.directory / "log.txt"
        said, self.read[job.name] = progress.warnings(path, self.read.get(job.name, 0))
        for text in said:
            self.say(f"[{job.label}] {text}")


def clock(seconds: float) -> str:
    """``0:07``, ``12:30`` or ``3:05:00``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _live() -> Any:
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    return None if console.is_dumb_terminal else Live(console=console, auto_refresh=False, transient=True)
