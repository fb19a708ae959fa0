"""What a sweep is asked to do, how its jobs ended, and the commands that it prints."""

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from omegaconf import DictConfig

from vaerun.config.command_line import command_line
from vaerun.config.typed import must_be_typed
from vaerun.sweep.directory import Definition
from vaerun.sweep.job import Job
from vaerun.sweep.progress import State
from vaerun.system.output import shown


@dataclass(frozen=True)
class Plan:
    """What a sweep is asked to do.

    Attributes:
        definition: what was typed.
        check: refuses a composed configuration that cannot run.
        skip: leave illegal combinations out instead of refusing the sweep.
        user_folder: the folder in which the user stands; a sweep that is continued runs in the folder of its start.
    """

    definition: Definition
    check: Callable[[DictConfig], None]
    skip: bool = False
    user_folder: Path = field(default_factory=Path.cwd)

    def again(self, directory: Path) -> str:
        """The command that continues the sweep in a directory, from the folder of the user."""
        repeated = [word for word in self.definition.words if must_be_typed(word)]
        return command_line("vaerun", "sweep", shown(directory, self.user_folder), *repeated)

    def rerun(self, job: Job, flags: Sequence[str]) -> str:
        """The command that runs one job again, in its directory.

        Args:
            job: the job.
            flags: those of the sweep that a run needs, too.
        """
        place = shown(job.directory)
        quoted = place if re.fullmatch(r"[\w./+-]+", place) else f"'{place}'"
        words = [word for word in job.overrides if not word.startswith("hydra.")]
        moved = self.user_folder != Path.cwd()  # paths in the words count from the folder of the sweep
        started_in = self.user_folder if moved else None
        run = command_line("vaerun", "train", *flags, *words, f"hydra.run.dir={quoted}", started_in=started_in)
        return f"(cd {shlex.quote(str(Path.cwd()))} && {run})" if moved else run


@dataclass
class Outcome:
    """All jobs of a sweep and their states.

    Attributes:
        code: the exit code, if a sweeper of vaerun has concluded the sweep itself.
    """

    plan: Plan
    directory: Path = field(default_factory=Path)
    jobs: list[Job] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    code: int | None = None
