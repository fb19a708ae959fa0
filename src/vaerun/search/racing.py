"""``hydra/sweeper=racing``: a sweep that spends further seeds only where it is open which configuration is better."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig

from vaerun.config.ranges import above, at_least, below
from vaerun.errors import UserError, counted
from vaerun.search.objective import read_objectives
from vaerun.search.race import Race, next_seeds
from vaerun.search.race_file import record
from vaerun.sweep.ending import conclude
from vaerun.sweep.job import Job, distinguished, key_of
from vaerun.sweep.progress import COMPLETED
from vaerun.sweep.runner import CheckedComposer, Runner
from vaerun.sweep.sweeper import Sweeper
from vaerun.system.output import say

SEED = "seed"


@dataclass
class Racer:
    """A configuration of the race.

    Attributes:
        words: its overrides, without the seed.
        keys: those that distinguish it from the others.
        jobs: its runs with the seeds 0, 1, 2, …
        results: their summaries, once they have ended.
    """

    words: list[str]
    keys: list[str]
    jobs: list[Job] = field(default_factory=list)
    results: list[Mapping[str, Any]] = field(default_factory=list)

    def job(self, seed: int) -> list[str]:
        """The overrides of its run with a seed."""
        return [*self.words, f"{SEED}={seed}"]


@final
class Racing(Sweeper):
    """Runs seeds of every configuration until all but the best are shown to be worse, or are equal to it.

    Args:
        min_seeds: seeds of each configuration before one can be dropped.
        max_seeds: seeds of each configuration, at most.
        alpha: the probability that the best configuration is dropped, or that an interval of its differences is wrong.
        objective: the metric that decides.
        margin: two configurations that are shown to differ by at most this are equal.
        params: KEY: VALUES of an experiment; its seeds are not used.

    Raises:
        UserError: a value is wrong.
    """

    def __init__(
        self,
        *,
        min_seeds: int = 3,
        max_seeds: int = 20,
        alpha: float = 0.05,
        objective: str = "elbo/valid",
        margin: float = 0.0,
        params: Mapping[str, Any] | None = None,
    ) -> None:
        whole, number = {"min_seeds": min_seeds, "max_seeds": max_seeds}, {"alpha": alpha, "margin": margin}
        for key, value in (whole | number).items():
            if isinstance(value, bool) or not isinstance(value, int if key in whole else (int, float)):
                kind = "a whole number" if key in whole else "a number"
                raise UserError(f"hydra.sweeper.{key} must be {kind}, got {value!r}.")
        at_least("hydra.sweeper.min_seeds", min_seeds, 2, "an interval over seeds needs two")
        at_least("hydra.sweeper.max_seeds", max_seeds, min_seeds, "it cannot be below hydra.sweeper.min_seeds")
        above("hydra.sweeper.alpha", alpha, 0)
        below("hydra.sweeper.alpha", alpha, 0, 1)
        below("hydra.sweeper.margin", margin, 0, math.inf)
        self.min_seeds, self.max_seeds, self.alpha, self.margin = min_seeds, max_seeds, alpha, margin
        (self.objective,) = read_objectives([objective], "hydra.sweeper.objective")
        self.params = dict(params or {})
        self.racers: dict[str, Racer] = {}

    def read(self, words: Sequence[Override], compose: CheckedComposer) -> int:
        """Reads the configurations; returns how many runs there will be, at most.

        Raises:
            UserError: seeds were given, there are not two configurations, or one cannot run.
        """
        if any(word.get_key_element().lstrip("+~") == SEED for word in words):
            raise UserError("A race chooses the seeds itself: leave out seed=..., or leave out hydra/sweeper=racing.")
        params = [f"{key}={values}" for key, values in self.params.items() if key != SEED]
        if SEED in self.params:
            say(f"the race chooses the seeds itself; {SEED}={self.params[SEED]} of the experiment is not used")
        every = [*OverridesParser.create().parse_overrides(params), *words]
        continuous = [word.input_line for word in every if word.is_sweep_override() and not word.is_discrete_sweep()]
        if continuous:
            raise UserError(f"A race needs values that can be listed, got {continuous[0]}: give KEY=A,B.")
        combined = BasicSweeper.split_arguments(every, None)[0]
        if len(combined) < 2:
            raise UserError("A race needs two configurations or more, got one: give several values, KEY=A,B.")
        labels = [job.label for job in distinguished([Job(tuple(one), DictConfig({})) for one in combined])]
        if len(set(labels)) < len(labels):
            raise UserError("A race needs different configurations, but a value was given twice: give it once.")
        keys = [key_of(words[0]) for words in zip(*combined, strict=True) if len(set(words)) > 1]
        self.racers = {label: Racer(one, keys) for label, one in zip(labels, combined, strict=True)}
        for racer in self.racers.values():
            compose(racer.job(0))
        return self.max_seeds * len(self.racers)

    def sweep(self, runner: Runner) -> int:
        """Runs the race, and writes its answer to race.json after each round; returns the exit code.

        Raises:
            Interrupted: a signal came; the states of the jobs are saved.
        """
        better = 1 if self.objective.better == "higher" else -1
        race = Race([*self.racers], alpha=self.alpha, margin=self.margin, better=better)
        needing = race.names
        with runner:
            where = runner.shown(runner.place.path)
            each = counted(self.max_seeds, "seed")
            say(f"race of {counted(len(needing), 'configuration')}, at most {each} of each\ndirectory {where}")
            while jobs := self._next(needing, runner):
                for name, seed in jobs:
                    racer = self.racers[name]
                    racer.jobs.append(runner.job(racer.job(seed), [*racer.keys, SEED]))
                runner.run([self.racers[name].jobs[seed] for name, seed in jobs])
                self._judge(race, runner)
                needing = race.needing
                results = {name: racer.results for name, racer in self.racers.items()}
                record(race, self.objective.tag, results, self.max_seeds, runner.place.path)
        return conclude(runner.outcome, runner.outcome.plan.definition.flags)

    def _next(self, needing: Sequence[str], runner: Runner) -> list[tuple[str, int]]:
        """The configurations and seeds of the next round."""
        have = {name: len(self.racers[name].jobs) for name in needing}
        seeds = {name: count for name, count in have.items() if count < self.max_seeds}
        return next_seeds(seeds, least=self.min_seeds, most=self.max_seeds, slots=runner.parallel or 1)

    def _judge(self, race: Race, runner: Runner) -> None:
        """Gives the race the new values, and drops what is worse."""
        for name, racer in self.racers.items():
            for seed, job in enumerate(racer.jobs[len(racer.results) :], start=len(racer.results)):
                summary = runner.summary(job)
                racer.results.append(summary)
                value = self.objective.value(summary) if runner.state(job).status == COMPLETED else None
                if value is None:
                    status = summary.get("status", "failed")
                    race.exclude(name, f"its run with seed {seed} has no {self.objective.tag}, status {status}")
                elif name not in race.excluded:
                    race.add(name, value)
        for name in race.drop():
            say(f"race: {name} is worse than {race.dropped[name]}, and dropped")
