"""The end of a sweep: the comparison of its runs, and every failed job with the command that runs it again."""

import shutil
from collections.abc import Sequence

from vaerun.errors import UserError, counted
from vaerun.report.request import Request
from vaerun.report.text import render
from vaerun.sweep.outcome import Outcome
from vaerun.sweep.progress import COMPLETED, INTERRUPTED, LOST, PRUNED, WAITING, State
from vaerun.system.output import say


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
            say(f"the runs are not compared: {error}")
        else:
            print(render(comparison, max(40, shutil.get_terminal_size((100, 24)).columns)), flush=True)
    failed = [(job, state) for job, state in states if state.status != COMPLETED]
    if failed:
        say(f"\n{len(failed)} of {counted(len(states), 'job')} failed:")
    for job, state in failed:
        say(f"  {job.label}: {reason(state)}\n    run it again: {outcome.plan.rerun(job, flags)}")
    if failed:
        say(f"run all failed jobs again: {outcome.plan.again(outcome.directory)}")
    return 1 if failed else 0


def interruption(outcome: Outcome) -> str:
    """One sentence about an interrupted sweep."""
    counts = {
        status: sum(state.status == status for state in outcome.states)
        for status in (COMPLETED, INTERRUPTED, LOST, PRUNED, WAITING)
    }
    failed = len(outcome.states) - sum(counts.values())
    parts = [f"{counts[COMPLETED]} of {counted(len(outcome.states), 'job is', 'jobs are')} completed"]
    parts += [f"{failed} failed"] if failed else []
    parts += [f"{counts[PRUNED]} pruned"] if counts[PRUNED] else []
    parts += [f"{counts[INTERRUPTED]} stopped with their state saved"] if counts[INTERRUPTED] else []
    parts += [counted(counts[LOST], "was killed", "were killed")] if counts[LOST] else []
    parts += [counted(counts[WAITING], "has not started", "have not started")] if counts[WAITING] else []
    return f"interrupted: {', '.join(parts)}; continue with: {outcome.plan.again(outcome.directory)}"


def reason(state: State) -> str:
    """Why a job is not completed."""
    if state.reason:
        return state.reason
    return "it did not start, because its launcher ended" if state.status == WAITING else "it was stopped by a signal"
