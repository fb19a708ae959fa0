"""Illegal combinations of a sweep, found before its first job."""

from collections.abc import Sequence

from omegaconf import DictConfig

from vaerun.config.error_message import explain
from vaerun.errors import UserError, counted
from vaerun.sweep.composer import Composer
from vaerun.sweep.job import Job, distinguished
from vaerun.sweep.outcome import Plan
from vaerun.system.output import printable, say


def legal_jobs(overrides: Sequence[Sequence[str]], composer: Composer, config: DictConfig, plan: Plan) -> list[Job]:
    """The composed jobs of a sweep, without illegal combinations if the plan leaves them out, with one line each.

    Args:
        overrides: of every job.
        composer: composes them.
        config: of the sweep.
        plan: of the sweep.

    Raises:
        UserError: combinations are illegal, and they are not to be left out, or there is no other.
    """
    jobs, errors = _composed(overrides, composer, config, plan)
    if not errors:
        return jobs
    sentences = {number: _sentence(error, jobs[number].overrides) for number, error in errors.items()}
    all_of_them = len(errors) == len(jobs)
    if all_of_them and len(set(sentences.values())) == 1:
        raise next(iter(errors.values()))
    labels = [job.label for job in distinguished(jobs)]
    lines = [f"{labels[number]}: {sentence}" for number, sentence in sentences.items()]
    if not plan.skip or all_of_them:
        remedy = "" if all_of_them else ", or leave them out with sweep.illegal=skip"
        for line in lines:
            say(f"  {printable(line)}")
        raise UserError(
            f"{len(errors)} of {counted(len(jobs), 'combination')} cannot run, as said above, so no job was started: "
            f"change the values{remedy}."
        )
    for line in lines:
        say(f"left out  {printable(line)}")
    return [job for number, job in enumerate(jobs) if number not in errors]


def _composed(
    overrides: Sequence[Sequence[str]], composer: Composer, config: DictConfig, plan: Plan
) -> tuple[list[Job], dict[int, Exception]]:
    """All jobs, and the errors of those that cannot run by their numbers."""
    errors: dict[int, Exception] = {}
    jobs = []
    for number, words in enumerate(overrides):
        composed = composer(config, words)
        try:
            if isinstance(composed, Exception):
                raise composed
            plan.check(composed)
        except Exception as error:
            if explain(error, words) is None:
                raise
            errors[number] = error
            composed = DictConfig({})
        jobs.append(Job(tuple(words), composed))
    return jobs, errors


def _sentence(error: Exception, words: Sequence[str]) -> str:
    explained = explain(error, words)
    return explained[0] if explained is not None else str(error)
