"""The contract of a sweeper of vaerun, and its place in Hydra."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import final

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.types import HydraContext

from vaerun.sweep.directory import SweepDirectory, refuse_odd_files
from vaerun.sweep.outcome import Outcome
from vaerun.sweep.runner import CheckedComposer, Runner
from vaerun.sweep.starter import Starter
from vaerun.sweep.values import refuse_no_value


class Sweeper(ABC):
    """Chooses the jobs of a sweep one after the other, by the results of those that have ended."""

    batch: int | None = None
    """How many jobs run at the same time if the launcher starts them on another machine; None for all that are given.
    """

    @abstractmethod
    def read(self, words: Sequence[Override], compose: CheckedComposer) -> int:
        """Reads what was typed, before a file is written; returns how many jobs there will be, at most.

        Raises:
            UserError: a word does not fit the sweeper.
        """

    @abstractmethod
    def sweep(self, runner: Runner) -> int:
        """Runs jobs until the sweep has ended, and prints the answer; returns the exit code.

        Raises:
            Interrupted: a signal came; the states of the jobs are saved.
        """


@final
class HydraSweeper:
    """Takes the place of a sweeper of Hydra.

    Args:
        sweeper: of vaerun.
        starter: starts the jobs.
        context: Hydra's.
        outcome: has the plan of the sweep; receives the jobs and how they ended.
    """

    def __init__(self, sweeper: Sweeper, starter: Starter, context: HydraContext, outcome: Outcome) -> None:
        self.sweeper, self.starter, self.context, self.outcome = sweeper, starter, context, outcome

    def sweep(self, arguments: Sequence[str]) -> None:
        """Runs the sweep with these overrides."""
        plan, path = self.outcome.plan, self.starter.sweep
        parser = OverridesParser.create(config_loader=self.context.config_loader)
        compose = CheckedComposer(self.context, self.starter.config, plan.check)
        words = parser.parse_overrides(list(arguments))
        refuse_no_value(words)
        total = self.sweeper.read(words, compose)
        refuse_odd_files(path)
        with SweepDirectory(path) as place:
            place.write(plan.definition)
            batch = self.sweeper.batch
            runner = Runner(self.starter, place, self.outcome, compose, total=total, batch=batch)
            self.outcome.code = self.sweeper.sweep(runner)
