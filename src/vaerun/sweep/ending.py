"""The end of a sweep: the comparison of its runs, and every failed job with the command that runs it again."""

import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from vaerun.errors import UserError
from vaerun.report.request import Request
from vaerun.report.text import render
from vaerun.sweep.display import command
from vaerun.sweep.job import Job
from vaerun.sweep.launcher import Outcome
from vaerun.sweep.progress import COMPLETED, INTERRUPTED, LOST, WAITING, State


def conclude(outcome: Outcome, flags: Sequence[str]) -> int:
    """Prints the comparison on stdout and the failed jobs on stderr; returns the exit code, 1 if a job failed.

    Args:
        outcome: all jobs, and how they ended.
        flags: those of the sweep that a run needs, too.
    """
    states = list(zip(outcome.jobs, outcome.states, strict=True))
    if any(state.status == COMPLETED for _, state in states):
        try:
            comparison = Request([outcome.directory]).comparison()
        except UserError as error:
            print(f"the runs are not compared: {error}", file=sys.stderr)
        else:
            print(render(comparison, max(40, shutil.get_terminal_size((100, 24)).columns)), flush=True)
    failed = [(job, state) for job, state in states if state.status != COMPLETED]
    if failed:
        print(f"\n{len(failed)} of {len(states)} jobs failed:", file=sys.stderr)
    for job, state in failed:
        print(f"  {job.label}: {reason(state)}\n    run it again: {rerun(job, flags)}", file=sys.stderr)
    if failed:
        again = command("vaerun", "sweep", relative(outcome.directory))
        print(f"run all failed jobs again: {again}", file=sys.stderr, flush=True)
    return 1 if failed else 0


def interruption(outcome: Outcome) -> str:
    """One sentence about an interrupted sweep."""
    counts = {
        status: sum(state.status == status for state in outcome.states)
        for status in (COMPLETED, INTERRUPTED, LOST, WAITING)
    }
    failed = len(outcome.states) - sum(counts.values())
    parts = [f"{counts[COMPLETED]} of {len(outcome.states)} jobs are completed"]
    parts += [f"{failed} failed"] if failed else []
    parts += [f"{counts[INTERRUPTED]} stopped with their state saved"] if counts[INTERRUPTED] else []
    parts += [f"{counts[LOST]} were killed"] if counts[LOST] else []
    parts += [f"{counts[WAITING]} have not started"] if counts[WAITING] else []
    again = command("vaerun", "sweep", relative(outcome.directory))
    return f"interrupted: {', '.join(parts)}; continue with: {again}"


def reason(state: State) -> str:
    """Why a job is not completed."""
    if state.reason:
        return state.reason
    return "it did not start, because its launcher ended" if state.status == WAITING else "it was stopped by a signal"


def rerun(job: Job, flags: Sequence[str]) -> str:
    """The command that runs one job again, in its directory."""
    place = relative(job.directory)
    quoted = place if re.fullmatch(r"[\w./+-]+", place) else f"'{place}'"
    words = [word for word in job.overrides if not word.startswith("hydra.")]
    return command("vaerun", "train", *flags, *words, f"hydra.run.dir={quoted}")


def relative(path: Path) -> str:
    """The path from the current folder, if it is below it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
