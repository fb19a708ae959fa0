"""The flags of every command, with meanings, defaults and values; ``--help`` shows this table."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from vaerun.errors import UserError, close_match
from vaerun.trainer.checkpoint_name import is_checkpoint_name

LARGEST = 2**63 - 1  # the largest seed that torch accepts
DOCUMENTS = (".html", ".jpg", ".json", ".md", ".pdf", ".png", ".svg", ".tex", ".txt", ".yaml")
NUMBERS = (".csv", ".h5", ".h5ad", ".npy", ".npz", ".parquet", ".pkl", ".pt", ".tsv", ".xlsx")
FILE_SUFFIXES = frozenset((*DOCUMENTS, *NUMBERS, ".gz", ".zip"))


def text(flag: "Flag", value: str) -> str:
    """Any text."""
    return value


NAMED = ("best", "last")  # checkpoints of every run


def one_of(*choices: str) -> Callable[["Flag", str], str]:
    """One of the given words."""

    def read(flag: "Flag", value: str) -> str:
        if value not in choices:
            known = " or ".join(filter(None, [", ".join(choices[:-1]), choices[-1]]))
            raise UserError(f"{flag.name} must be {known}, got {value!r}.{close_match(value, choices)}")
        return value

    return read


def checkpoint_name(flag: "Flag", value: str) -> str:
    """best, last or epoch_N."""
    if not is_checkpoint_name(value):
        raise UserError(f"{flag.name} must be best, last or epoch_N, got {value!r}.{close_match(value, NAMED)}")
    return value


def whole(least: int) -> Callable[["Flag", str], int]:
    """A whole number, at least ``least``."""

    def read(flag: "Flag", value: str) -> int:
        if not value.isdecimal() or not least <= int(value) <= LARGEST:
            limit = f"at least {least}" if least else "from 0 to 2^63 − 1"
            raise UserError(
                f"{flag.name} must be a whole number {limit}, got {value!r}: write, for example, "
                f"{flag.name} {flag.example}."
            )
        return int(value)

    return read


def folder(*files: str) -> Callable[["Flag", str], str]:
    """The path of a folder, or of a file with one of the suffixes ``files``.

    A name such as z.txt is refused, because who writes it expects a file. A folder with such a name may exist already.
    """

    def read(flag: "Flag", value: str) -> str:
        place = Path(value)
        if place.suffix.lower() in FILE_SUFFIXES.difference(files) and not place.is_dir():
            known = " or a file that ends in ".join(filter(None, ["a folder", " or ".join(files)]))
            import shlex  # not needed for a help

            instead = shlex.quote(str(place.with_suffix("")))
            raise UserError(f"{flag.name} must be {known}, got {value!r}: write, for example, {flag.name} {instead}.")
        return value

    return read


def none_or_several(flag: "Flag", value: str) -> int:
    """0, or a whole number of at least 2, because a standard error is computed."""
    number = whole(0)(flag, value)
    if number == 1:
        raise UserError(f"{flag.name} must be 0, or 2 or more for a standard error, got 1: write {flag.name} 2.")
    return number


def point_pairs(flag: "Flag", value: str) -> tuple[int, ...]:
    """Pairs of validation points, such as 3,17,5,40: one pair for each row."""
    points = value.split(",")
    if len(points) % 2 or not all(point.isdecimal() and int(point) <= LARGEST for point in points):
        raise UserError(
            f"{flag.name} must be pairs of whole numbers, got {value!r}: write, for example, "
            f"{flag.name} {flag.example}."
        )
    return tuple(map(int, points))


class Flag(NamedTuple):
    """One flag of a command. A call with the text of a value returns the value.

    Attributes:
        names: as the user types them, the long name last.
        meaning: for the help.
        value: the placeholder of its value in the help; empty for a flag without a value.
        default: the value if the flag is not given.
        sample: an example for error messages; empty to use the default.
        read: converts the text to the value, or raises UserError.
        topics: if the value may be left out, the possible values; the first is used without a value.
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
    """The syntax of a command: its usage line, and its flags."""

    usage: str
    flags: tuple[Flag, ...]


JSON = Flag(("--json",), "print one JSON document on stdout and no other text")
CHECKPOINT = Flag(
    ("--checkpoint",),
    "the checkpoint: best (highest validation bound), last, or epoch_N (trainer.checkpoints.every)",
    value="NAME",
    default="best",
    read=checkpoint_name,
)
SEED = Flag(("--seed",), "the seed of all random numbers", value="N", default=0, read=whole(0))

OUT = Flag(("--out",), "the folder to write", value="FOLDER", sample="FOLDER", read=folder())

COMPARISON = (
    Flag(
        ("--at",),
        "compare the last validation bounds up to the same cost: steps=1000, seconds=60 (of training) "
        "or decoder_evaluations=1e6; without it, the test metrics at the end of completed runs",
        value="COST=AMOUNT",
        sample="steps=1000",
    ),
    Flag(
        ("--columns",),
        "the metrics to show: any that the runs recorded or vaerun eval computed",
        value="A,B,...",
        sample="elbo,seconds",
    ),
    Flag(("--sort",), "sort by this column, the best first; without it, by the ELBO", value="COLUMN", sample="elbo"),
    Flag(("--mixed",), "also compare runs whose data, binarisation or splits differ"),
)

SYNTAX: dict[str, Syntax] = {
    "train": Syntax(
        "[GROUP=OPTION ...] [KEY=VALUE ...] [FLAGS]",
        (
            Flag(("-m", "--multirun"), "a sweep: one run for every combination of the values in KEY=A,B,..."),
            Flag(
                ("-c", "--cfg"),
                "show the configuration and run nothing",
                value="job|hydra|all",
                sample="job",
                read=one_of("job", "hydra", "all"),
            ),
            Flag(("-p", "--package"), "with --cfg, show only this part", value="PACKAGE", sample="strategy"),
            Flag(("--resolve",), "with --cfg, show values instead of references"),
            Flag(("-cd", "--config-dir"), "a folder with YAML files of your own", value="DIR", sample="DIR"),
            Flag(("-cp", "--config-path"), "the folder of the main configuration", value="DIR", sample="DIR"),
            Flag(("-cn", "--config-name"), "the name of the main configuration", value="NAME", sample="config"),
            Flag(
                ("-i", "--info"),
                "show information about Hydra, all or one topic: plugins, searchpath, ...",
                value="[TOPIC]",
                topics=("all", "aliases", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
            ),
            Flag(("--experimental-rerun",), "run a job from a pickle file of Hydra", value="FILE", sample="FILE"),
            Flag(("-sc", "--shell-completion"), "install or remove tab completion: vaerun -sc install=bash"),
            Flag(("-r", "--run"), "one run (the default)"),
            Flag(("--version",), "print the version of Hydra"),
            Flag(("--hydra-help",), "Hydra's own help"),
        ),
    ),
    "sweep": Syntax(
        "[DIR] [GROUP=A,B,... ...] [KEY=A,B,... ...] [FLAGS]",
        (Flag(("-cd", "--config-dir"), "a folder with YAML files of your own", value="DIR", sample="DIR"),),
    ),
    "eval": Syntax(
        "RUN_DIR ... [evaluation=NAME] [KEY=VALUE ...] [FLAGS]",
        (CHECKPOINT, OUT._replace(meaning="the folder for the results; without it, RUN_DIR"), JSON),
    ),
    "compare": Syntax(
        "ROOT ... [FLAGS]",
        (
            *COMPARISON,
            JSON,
            Flag(("--csv",), "print comma-separated values instead of the table"),
            Flag(("--latex",), "print a LaTeX table"),
            Flag(("--markdown",), "print a Markdown table"),
        ),
    ),
    "report": Syntax(
        "ROOT ... [FLAGS]",
        (
            OUT._replace(meaning="the folder to write; without it, ROOT/report"),
            *COMPARISON,
        ),
    ),
    "sample": Syntax(
        "RUN_DIR ... [KEY=VALUE ...] [FLAGS]",
        (
            Flag(("-n", "--n"), "number of prior samples and of reconstructions", value="N", default=64, read=whole(1)),
            SEED._replace(meaning="the seed of all random numbers: the same seed writes the same files"),
            Flag(("--latents",), "maximum number of rows of the traversal", value="N", default=8, read=whole(1)),
            Flag(
                ("--pairs",),
                "number of rows of the interpolation; their points are evenly spread over the validation points",
                value="N",
                default=8,
                read=whole(1),
            ),
            Flag(
                ("--points",),
                "the two points to interpolate between, instead of --pairs; 3,17,5,40 for two rows",
                value="I,J",
                sample="3,17",
                read=point_pairs,
            ),
            Flag(
                ("--condition",),
                "what the prior samples are conditioned on, for a model with a condition (data.condition)",
                value="NAME=VALUE",
                sample="y=3",
            ),
            CHECKPOINT,
            OUT._replace(
                meaning="the folder to write; without it, RUN_DIR/samples; "
                "FILE.npz or FILE.npy for the prior samples alone, any number of them",
                read=folder(".npz", ".npy"),
            ),
            Flag(("--force",), "replace FILE if it exists"),
        ),
    ),
    "encode": Syntax(
        "RUN_DIR ... [data.path=FILE] [KEY=VALUE ...] [FLAGS]",
        (
            Flag(
                ("--out",),
                "the file to write: .npz, .csv, .parquet or .h5ad; without it, RUN_DIR/encoded.npz",
                value="FILE",
                sample="z.npz",
            ),
            Flag(
                ("--split",),
                "the points: all, train, valid, test, or new for those of data.path",
                value="NAME",
                default="all",
                read=one_of("all", "train", "valid", "test", "new"),
            ),
            Flag(("--samples",), "number of samples of z of each point", value="S", default=0, read=whole(0)),
            Flag(
                ("--num-samples",),
                "number of samples of z for the ELBO of each point; 0 for no ELBO",
                value="K",
                default=100,
                read=none_or_several,
            ),
            SEED,
            CHECKPOINT,
            Flag(("--force",), "replace the file if it exists"),
        ),
    ),
    "impute": Syntax(
        "RUN_DIR [KEY=VALUE ...] [FLAGS]",
        (
            Flag(
                ("--split",),
                "train, valid, test or all; without it test, or with data.path=FILE new, the points of that file",
                value="NAME",
                sample="all",
                read=one_of("train", "valid", "test", "new", "all"),
            ),
            Flag(("--samples",), "K, the number of samples for each point", value="K", default=1000, read=whole(2)),
            SEED._replace(meaning="the seed of all random numbers: the same seed writes the same file"),
            CHECKPOINT,
            OUT._replace(
                meaning="the npz or csv file to write; without it, RUN_DIR/imputed_SPLIT.npz",
                value="FILE",
                sample="imputed.csv",
                read=text,
            ),
            Flag(("--force",), "replace FILE if it exists"),
            JSON,
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
    "cite": Syntax("[RUN_DIR ...] [KEY=VALUE ...]", ()),
}
"""By command."""
