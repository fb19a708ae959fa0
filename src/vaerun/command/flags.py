"""The flags of every command, each with its meaning, its default, and what it takes: ``--help`` shows this table."""

from collections.abc import Callable
from typing import Any, NamedTuple

from vaerun.errors import UserError, close_match

LARGEST = 2**63 - 1  # what torch takes for a seed


def text(flag: "Flag", value: str) -> str:
    """Any text."""
    return value


def one_of(*choices: str) -> Callable[["Flag", str], str]:
    """One of some words."""

    def read(flag: "Flag", value: str) -> str:
        if value not in choices:
            known = " or ".join(filter(None, [", ".join(choices[:-1]), choices[-1]]))
            raise UserError(f"{flag.name} must be {known}, got {value!r}.{close_match(value, choices)}")
        return value

    return read


def whole(least: int) -> Callable[["Flag", str], int]:
    """A whole number from ``least`` on."""

    def read(flag: "Flag", value: str) -> int:
        if not value.isdecimal() or not least <= int(value) <= LARGEST:
            limit = f"at least {least}" if least else "from 0 to 2^63 − 1"
            raise UserError(
                f"{flag.name} must be a whole number {limit}, got {value!r}: write, for example, "
                f"{flag.name} {flag.example}."
            )
        return int(value)

    return read


def point_pairs(flag: "Flag", value: str) -> tuple[int, ...]:
    """Two numbers of points, or two for each row."""
    points = value.split(",")
    if len(points) % 2 or not all(point.isdecimal() and int(point) <= LARGEST for point in points):
        raise UserError(
            f"{flag.name} must be pairs of whole numbers, got {value!r}: write, for example, "
            f"{flag.name} {flag.example}."
        )
    return tuple(map(int, points))


class Flag(NamedTuple):
    """One flag of a command; called with the text of a value, it returns the value.

    Attributes:
        names: as typed, the long one last.
        meaning: for the help.
        value: what the help calls its value; empty for a flag that has none.
        default: what it is where it is not given.
        sample: a value that error messages show; empty for the default.
        read: makes the value of its text, or refuses it.
        topics: where the value may be left out, those that it can be; the first stands for none.
    """

    names: tuple[str, ...]
    meaning: str
    value: str = ""
    default: str | int | None = None
    sample: str = ""
    read: Callable[["Flag", str], Any] = text
    topics: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The long name, ``--checkpoint``."""
        return self.names[-1]

    @property
    def dest(self) -> str:
        """The name as an attribute, ``config_dir``."""
        return self.name.lstrip("-").replace("-", "_")

    @property
    def example(self) -> str:
        """A value for error messages."""
        return self.sample or str(self.default)

    def __call__(self, value: str) -> Any:
        return self.read(self, value)


class Syntax(NamedTuple):
    """How a command is written: the words that may follow it, and its flags."""

    usage: str
    flags: tuple[Flag, ...]


JSON = Flag(("--json",), "print one JSON document on stdout, and nothing else there")
CHECKPOINT = Flag(
    ("--checkpoint",),
    "which weights: best, by the bound of the validation points, or last",
    value="NAME",
    default="best",
    read=one_of("best", "last"),
)
SEED = Flag(("--seed",), "fixes everything that is drawn", value="N", default=0, read=whole(0))

COMPARISON = (
    Flag(
        ("--at",),
        "compare validation bounds at equal cost, the last one recorded by then: steps=1000, seconds=60 (of training) "
        "or decoder_evaluations=1e6; without it, the test metrics at the end of completed runs",
        value="COST=AMOUNT",
        sample="steps=1000",
    ),
    Flag(
        ("--columns",),
        "the metrics to show: any that the runs have recorded, those of vaerun eval included",
        value="A,B,...",
        sample="elbo,seconds",
    ),
    Flag(("--sort",), "best first by this column; without it, by the ELBO", value="COLUMN", sample="elbo"),
    Flag(("--mixed",), "compare runs whose data, binarisation or splits differ, which is refused otherwise"),
)

SYNTAX: dict[str, Syntax] = {
    "train": Syntax(
        "[GROUP=OPTION ...] [KEY=VALUE ...] [FLAGS]",
        (
            Flag(("-m", "--multirun"), "a sweep: a run for every combination of the values A,B,... that are given"),
            Flag(
                ("-c", "--cfg"),
                "show the configuration and run nothing",
                value="job|hydra|all",
                sample="job",
                read=one_of("job", "hydra", "all"),
            ),
            Flag(("-p", "--package"), "with --cfg, show this part alone", value="PACKAGE", sample="strategy"),
            Flag(("--resolve",), "with --cfg, show values in place of references to them"),
            Flag(("-cd", "--config-dir"), "a folder with YAML files of your own", value="DIR", sample="DIR"),
            Flag(("-cp", "--config-path"), "the folder of the main configuration", value="DIR", sample="DIR"),
            Flag(("-cn", "--config-name"), "the name of the main configuration", value="NAME", sample="config"),
            Flag(
                ("-i", "--info"),
                "show what Hydra has found, as a whole or of one topic: plugins, searchpath, ...",
                value="[TOPIC]",
                topics=("all", "aliases", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
            ),
            Flag(("--experimental-rerun",), "run a job that Hydra has pickled", value="FILE", sample="FILE"),
            Flag(("-sc", "--shell-completion"), "install or remove tab completion: vaerun -sc install=bash"),
            Flag(("-r", "--run"), "run once, which is the default"),
            Flag(("--version",), "print the version of Hydra"),
            Flag(("--hydra-help",), "Hydra's own help"),
        ),
    ),
    "eval": Syntax("RUN_DIR ... [evaluation=NAME] [KEY=VALUE ...] [FLAGS]", (CHECKPOINT, JSON)),
    "compare": Syntax(
        "ROOT ... [FLAGS]",
        (
            *COMPARISON,
            JSON,
            Flag(("--csv",), "print comma-separated values in place of the table"),
            Flag(("--latex",), "print a LaTeX table"),
            Flag(("--markdown",), "print a Markdown table"),
        ),
    ),
    "report": Syntax(
        "ROOT ... [FLAGS]",
        (
            Flag(("--out",), "the folder to write; without it, ROOT/report", value="FOLDER", sample="FOLDER"),
            *COMPARISON,
        ),
    ),
    "sample": Syntax(
        "RUN_DIR ... [KEY=VALUE ...] [FLAGS]",
        (
            Flag(("--n",), "prior samples, and reconstructions", value="N", default=64, read=whole(1)),
            SEED._replace(meaning="fixes all draws: the same seed writes the same files"),
            Flag(("--latents",), "rows of the traversal, at most", value="N", default=8, read=whole(1)),
            Flag(
                ("--pairs",),
                "rows of the interpolation, evenly spread over the validation points",
                value="N",
                default=8,
                read=whole(1),
            ),
            Flag(
                ("--points",),
                "the two points to interpolate between, in place of --pairs; 3,17,5,40 for a second row",
                value="I,J",
                sample="3,17",
                read=point_pairs,
            ),
            CHECKPOINT,
        ),
    ),
    "verify": Syntax(
        "[GROUP=OPTION ...] [GROUP.KEY=VALUE ...] [FLAGS]",
        (
            Flag(("--device",), "where to compute: auto, cpu or cuda", value="DEVICE", default="auto"),
            SEED,
            JSON,
        ),
    ),
    "list": Syntax("[GROUP] [FLAGS]", (JSON,)),
}
"""By command."""
