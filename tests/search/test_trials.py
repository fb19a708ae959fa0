"""The trials of a search, with a runner that writes what a training would write."""

import json
import time
from pathlib import Path
from typing import Any

import optuna
import pytest
from omegaconf import DictConfig

from vaerun.errors import Interrupted, UserError
from vaerun.search.objective import read_objectives
from vaerun.search.record import content, pareto
from vaerun.search.space import Numbers, Space
from vaerun.search.study import open_study
from vaerun.search.trials import Trials
from vaerun.sweep import marker, progress
from vaerun.sweep.job import Job
from vaerun.sweep.progress import COMPLETED, FAILED, INTERRUPTED, PRUNED, RUNNING, State

SPACE = Space(("b=1",), {"a": Numbers(0.0, 1.0)})


class Runner:
    """Jobs whose states and values the test sets."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.states, self.pruned, self.summaries = folder, {}, [], {}
        self.display = self

    def say(self, text: str) -> None:
        self.said = text

    def job(self, words: list[str], keys: list[str], label: str) -> Job:
        if hasattr(self, "refusal"):
            raise self.refusal
        directory = self.folder / words[-1]
        directory.mkdir(exist_ok=True)
        self.states.setdefault(directory.name, State(RUNNING))
        return Job(tuple(words), DictConfig({}), label, directory=directory)

    def state(self, job: Job) -> State:
        return self.states[job.name]

    def is_over(self, job: Job) -> bool:
        return self.states[job.name].status in (COMPLETED, FAILED, PRUNED, INTERRUPTED)

    def summary(self, job: Job) -> dict[str, Any]:
        return self.summaries[job.name]

    def prune(self, job: Job) -> None:
        self.pruned.append(job.name)

    def complete(self, job: Job, value: float) -> None:
        self.summaries[job.name] = {"metrics": {"elbo/valid": value}, "train_seconds": 1.0}
        self.states[job.name] = State(COMPLETED)


def record(job: Job, *values: float) -> None:
    """Appends a record for each epoch."""
    with (job.directory / "metrics.jsonl").open("a") as file:
        for epoch, value in enumerate(values, start=1):
            file.write(json.dumps({"epoch": float(epoch), "elbo/valid": value}) + "\n")


def study(folder: Path, *tags: str, pruner: str = "median") -> optuna.Study:
    """The study in a file of the folder."""
    objectives = read_objectives(tags or ("elbo/valid",))
    return open_study(str(folder / "search.db"), objectives, sampler="tpe", pruner=pruner, seed=0)


def trials(folder: Path, runner: Runner, n_trials: int, *tags: str) -> Trials:
    """The trials of the study."""
    objectives = read_objectives(tags or ("elbo/valid",))
    return Trials(study(folder, *tags), SPACE, objectives, runner, n_trials)  # type: ignore[arg-type]


def states(folder: Path) -> list[str]:
    """The states of all trials in the file."""
    return [trial.state.name for trial in study(folder).trials]


def test_a_hopeless_trial_is_pruned_while_it_runs(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    found = trials(tmp_path, runner, 8)
    jobs = found.jobs()
    for value in range(5):  # the median rule begins with the sixth trial
        job = next(jobs)
        record(job, -20.0 - value, -10.0 - value)
        found.look()
        runner.complete(job, -10.0 - value)
    good, bad = next(jobs), next(jobs)
    record(good, -19.0, -9.0)
    record(bad, -29.0, -28.0)
    found.look()
    assert runner.pruned == [bad.name]
    runner.states[bad.name] = State(PRUNED)
    runner.complete(good, -9.0)
    found.look()
    assert states(tmp_path) == ["COMPLETE"] * 6 + ["PRUNED"]
    assert study(tmp_path).trials[6].intermediate_values == {1: -29.0, 2: -28.0}


def test_higher_is_better_for_a_bound_and_lower_for_a_cost(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    found = trials(tmp_path, runner, 3, "elbo/valid", "train_seconds")
    jobs = found.jobs()
    for value, seconds in ((-9.0, 5.0), (-8.0, 7.0), (-10.0, 6.0)):
        job = next(jobs)
        runner.complete(job, value)
        runner.summaries[job.name]["train_seconds"] = seconds
    assert list(jobs) == []
    assert pareto(found.study) == [1, 0]
    written = json.loads(content(found.study, found.objectives))
    assert [trial["values"] for trial in written["trials"]] == [[-9.0, 5.0], [-8.0, 7.0], [-10.0, 6.0]]


def test_a_failed_trial_has_a_reason_and_the_search_goes_on(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    found = trials(tmp_path, runner, 3)
    jobs = found.jobs()
    first, second = next(jobs), next(jobs)
    runner.states[first.name] = State(FAILED, "the bound became nan")
    runner.complete(second, float("nan"))
    third = next(jobs)
    runner.complete(third, -1.0)
    assert list(jobs) == []
    assert states(tmp_path) == ["FAIL", "FAIL", "COMPLETE"]
    reasons = [trial["reason"] for trial in json.loads(content(found.study, found.objectives))["trials"]]
    assert reasons == ["the bound became nan", "the run has no finite elbo/valid", ""]


def test_a_combination_that_cannot_run_costs_a_trial_and_no_run(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    runner.refusal = UserError("these do not fit together.")
    assert list(trials(tmp_path, runner, 3).jobs()) == []
    assert states(tmp_path) == ["FAIL"] * 3
    assert runner.said == "[trial 2] cannot run: these do not fit together."


def test_a_continued_search_goes_on_with_its_interrupted_trial_and_proposes_no_value_twice(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    found = trials(tmp_path, runner, 4)
    jobs = found.jobs()
    first, second = next(jobs), next(jobs)
    runner.complete(first, -1.0)
    runner.states[second.name] = State(INTERRUPTED)
    found.look()
    again = Runner(tmp_path)
    continued = trials(tmp_path, again, 4)
    assert continued.earlier == 1
    rest = []
    for job in continued.jobs():
        rest.append(job.name)
        again.complete(job, -2.0)
    assert rest[0] == second.name
    assert len({first.name, *rest}) == 4
    assert states(tmp_path) == ["COMPLETE"] * 4


def test_a_study_with_other_objectives_is_refused(tmp_path: Path) -> None:
    study(tmp_path)
    with pytest.raises(UserError, match="other objectives"):
        study(tmp_path, "iwae_5/valid")
    with pytest.raises(UserError, match="other objectives"):
        study(tmp_path, "elbo/valid", "train_seconds")


def test_a_file_that_is_no_study_is_refused(tmp_path: Path) -> None:
    (tmp_path / "search.db").write_bytes(b"no database" * 1000)
    with pytest.raises(UserError, match="cannot be read as a study"):
        study(tmp_path)


def test_values_of_a_study_that_are_not_of_the_space_fail(tmp_path: Path) -> None:
    """The file of a study may come from a stranger."""
    from optuna.distributions import CategoricalDistribution

    study(tmp_path).ask({"a": CategoricalDistribution(["0.5 hydra.run.dir=/"])})
    runner = Runner(tmp_path)
    assert list(trials(tmp_path, runner, 1).jobs()) == []
    assert states(tmp_path) == ["FAIL"]
    assert runner.states == {}


def test_a_file_asks_one_job_to_stop(tmp_path: Path) -> None:
    job = Job((), DictConfig({}), directory=tmp_path / "one")
    (tmp_path / marker.FOLDER).mkdir()
    with pytest.raises(Interrupted), marker.marked(job.directory):  # noqa: PT012
        marker.prune_file(job.directory).touch()
        time.sleep(10 * marker.INTERVAL)
    assert progress.state(job).status == PRUNED
    marker.prune_file(job.directory).unlink()
    assert progress.state(job).status == INTERRUPTED
