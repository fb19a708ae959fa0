"""The end of a search: the table of its best trials, one sentence, and the command that trains the best again."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaerun.config import hydra
from vaerun.config.command_line import command_line
from vaerun.errors import counted
from vaerun.search.objective import Objective
from vaerun.search.record import STATES, pareto
from vaerun.search.trials import REASON
from vaerun.sweep.outcome import Plan
from vaerun.system.output import printable, say, shown

if TYPE_CHECKING:
    import optuna

ROWS = 10  # best trials in the table
REASONS = 5  # failed trials that are listed


def conclude(study: "optuna.Study", objectives: Sequence[Objective], best: Path | None, plan: Plan) -> int:
    """Prints the best trials and one sentence on stdout; returns the exit code, 1 if no trial is completed.

    Args:
        study: of optuna.
        objectives: of the search.
        best: the folder of the best configuration; None if it was not written.
        plan: of the sweep.
    """
    trials = study.trials
    ended = Counter(STATES[trial.state.name] for trial in trials)
    counts = ", ".join(f"{ended[state]} {state}" for state in dict.fromkeys(STATES.values()) if ended[state])
    failed = [trial for trial in trials if trial.state.name == "FAIL"]
    for trial in failed[:REASONS]:
        say(printable(f"trial {trial.number} failed: {trial.user_attrs.get(REASON, 'its reason is not known')}"))
    if len(failed) > REASONS:
        say(f"and {len(failed) - REASONS} further trials failed; search.json has their reasons")
    completed = [trial for trial in trials if trial.state.name == "COMPLETE"]
    if not completed:
        say(f"No trial of {len(trials)} is completed ({counts}), so there is no best configuration.")
        return 1
    print(table(completed, objectives, pareto(study)))
    print(f"\n{answer(study, objectives)} Of {counted(len(trials), 'trial')}: {counts}.")
    if len(objectives) == 1:
        print(
            f"The best of {len(completed)} noisy values is optimistic: for a figure to report, train it with several "
            f"seeds."
        )
    if best is None:
        print("The best configuration cannot be written as an experiment: take it from config.yaml of its run.")
        return 0
    place = shown(best, plan.user_folder)
    flags = [f"--config-dir={place}", "experiment=best"]
    own = [flag for flag in plan.definition.flags if flag.startswith("--config-")]
    if own:  # Hydra takes one --config-dir
        flags = [*own, hydra.searching(best), "experiment=best"]
    what = "the best" if len(objectives) == 1 else f"trial {pareto(study)[0]}"
    print(f"train {what} again: {command_line('vaerun', 'train', *flags)}")
    print(f"with several seeds: {command_line('vaerun', 'sweep', *flags, 'seed=0,1,2')}", flush=True)
    return 0


def answer(study: "optuna.Study", objectives: Sequence[Objective]) -> str:
    """One sentence about the best trial, or the Pareto front."""
    front = pareto(study)
    if len(objectives) == 1:
        value = study.trials[front[0]].value
        return f"Trial {front[0]} has the best {objectives[0].tag}, {value:.5g}."
    tags = " and ".join(one.tag for one in objectives)
    noun = "trial is" if len(front) == 1 else "trials are"
    return f"{len(front)} {noun} on the Pareto front of {tags} (*): no other trial is better in all of them."


def table(completed: Sequence[Any], objectives: Sequence[Objective], front: Sequence[int]) -> str:
    """The best trials, best first; by the first objective if there are several."""
    better = -1 if objectives[0].better == "higher" else 1
    order = sorted(completed, key=lambda trial: (better * trial.values[0], trial.number))
    several = len(objectives) > 1
    rows = [trial for trial in order if not several or trial.number in front][:ROWS]
    rows += [trial for trial in order if trial not in rows][: ROWS - len(rows)]
    keys = list(dict.fromkeys(key for trial in rows for key in trial.params))
    lines = [["trial", *(one.tag for one in objectives), *keys]]
    for trial in rows:
        mark = "*" if several and trial.number in front else ""
        lines.append([f"{trial.number}{mark}", *(f"{value:.5g}" for value in trial.values)])
        lines[-1] += [_short(trial.params.get(key, "")) for key in keys]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        printable("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))) for line in lines
    )


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
