"""Illegal combinations of a sweep, found before its first job."""

import sys
from collections.abc import Callable, Sequence

from omegaconf import DictConfig

from vaerun.config.error_message import explain
from vaerun.errors import UserError
from vaerun.sweep.composer import Composer
from vaerun.sweep.job import Job, distinguished
from vaerun.system.output import printable


def legal_jobs(
    overrides: Sequence[Sequence[str]],
    composer: Composer,
    config: DictConfig,
    check: Callable[[DictConfig], None],
    *,
    skip: bool,
) -> list[Job]:
    """The composed jobs of a sweep.

    Args:
        overrides: of every job.
        composer: composes them.
        config: of the sweep.
        check: raises an error for a configuration that cannot run.
        skip: leave illegal combinations out, with one line each.

    Raises:
        UserError: combinations are illegal, and they are not to be left out, or there is no other.
    """
    errors: dict[int, Exception] = {}
    jobs = []
    for number, words in enumerate(overrides):
        composed = composer(config, words)
        try:
            if isinstance(composed, Exception):
                raise composed
            check(composed)
        except Exception as error:
            if explain(error) is None:
                raise
            errors[number] = error
            composed = DictConfig({})
        jobs.append(Job(tuple(words), composed))
    if not errors:
        return jobs
    first = next(iter(errors.values()))
    sentences = {number: _sentence(error) for number, error in errors.items()}
    if len(errors) == len(jobs) and len(set(sentences.values())) == 1:
        raise first
    labels = [job.label for job in distinguished(jobs)]
    lines = [f"{labels[number]}: {sentence}" for number, sentence in sentences.items()]
    if not skip or len(errors) == len(jobs):
        remedy = "" if skip else ", or leave them out with sweep.illegal=skip"
        for line in lines:
            print(f"  {printable(line)}", file=sys.stderr)
        raise UserError(
            f"{len(errors)} of the {len(jobs)} combinations cannot run, as said above, so no job was started: change "
            f"the values{remedy}."
        )
    for line in lines:
        print(f"left out  {line}", file=sys.stderr, flush=True)
    return [job for number, job in enumerate(jobs) if number not in errors]


def _sentence(error: Exception) -> str:
    explained = explain(error)
    return explained[0] if explained is not None else str(error)
