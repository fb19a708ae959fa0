"""Compare runs: vaerun compare ROOT ... [--at COST=AMOUNT] [--columns A,B] [--sort A] [--json]

One row per configuration over all runs and sweep jobs below ROOT; what differs in the seed alone is averaged.

  --at steps=1000      validation bounds at equal cost: the last one recorded by then; also seconds=60 (of training),
                       decoder_evaluations=1e6. Without --at: the test figures at the end of completed runs
  --columns elbo,iwae_100,seconds   any figures that the runs have recorded, those of vaerun eval included
  --sort COLUMN        best first; without it, by the ELBO
  --mixed              also where data, binarisation or splits differ, which is refused otherwise
  --json, --csv, --latex, --markdown   instead of the table, and nothing else on stdout

Of several seeds, ± is the 95 % interval of their mean (Student's t over the seeds). Of a single seed, (±) is that over
the data points, which says nothing of other seeds. Failed, diverged, interrupted and running runs keep their row, with
the reason below the table. On a CPU, peak memory is that of the process, which the jobs of a sweep may share.

Examples:
  vaerun compare runs
  vaerun compare runs/2026-11-22 --at decoder_evaluations=1e6 --columns elbo,seconds
  vaerun compare runs --sort amortization_gap --markdown
"""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vaerun.errors import UserError, close_match
from vaerun.report.comparison import Comparison, compare
from vaerun.report.export import to_csv, to_json, to_latex, to_markdown
from vaerun.report.matched import COSTS, parse
from vaerun.report.recorded import find
from vaerun.report.text import render

FORMATS = {"--json": to_json, "--csv": to_csv, "--latex": to_latex, "--markdown": to_markdown}
VALUED = ("--at", "--columns", "--sort")
FLAGS = (*VALUED, "--mixed", *FORMATS)


@dataclass
class Words:
    """The command line, read."""

    roots: list[Path] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)


def main(argv: Sequence[str]) -> int:
    """Prints the comparison; returns the exit code.

    Raises:
        UserError: there are no runs, a word cannot be read, or the runs cannot be compared.
    """
    words = read_words(argv)
    at = parse(words.values["--at"]) if "--at" in words.values else None
    runs = list(find(words.roots, lambda said: print(f"vaerun: {said}", file=sys.stderr)))
    if not runs:
        places = ", ".join(map(str, words.roots))
        raise UserError(f"there is no run at or below {places}: name a directory that vaerun train has written to.")
    comparison = compare(
        runs,
        at=at,
        mixed="--mixed" in words.flags,
        shown=words.values["--columns"].split(",") if "--columns" in words.values else None,
        sort=words.values.get("--sort"),
    )
    print(written(comparison, words))
    return 0


def written(comparison: Comparison, words: Words) -> str:
    """The comparison in the format asked for."""
    for flag, export in FORMATS.items():
        if flag in words.flags:
            return export(comparison)
    return render(comparison, max(40, shutil.get_terminal_size((100, 24)).columns))


def read_words(argv: Sequence[str]) -> Words:
    """Roots, flags and their values, in any order.

    Raises:
        UserError: an unknown flag, one without its value, two formats, or a root that is not there.
    """
    words, rest = Words(), list(argv)
    while rest:
        word = rest.pop(0)
        flag, equals, value = word.partition("=")
        if not word.startswith("-"):
            words.roots.append(Path(word))
        elif flag in VALUED:
            if not equals and not (rest and not rest[0].startswith("--")):
                raise UserError(f"{flag} needs a value: see vaerun compare --help.")
            words.values[flag] = value if equals else rest.pop(0)
        elif word in FLAGS:
            words.flags.add(word)
        else:
            near = close_match(flag, FLAGS)
            raise UserError(f"vaerun compare has no flag {flag}.{near} It takes {', '.join(FLAGS)}.")
    formats = sorted(words.flags & set(FORMATS))
    if len(formats) > 1:
        raise UserError(f"{' and '.join(formats)} cannot be had at once: choose one.")
    for root in words.roots:
        if not root.is_dir():
            cost = str(root).partition("=")[0]
            hint = f" For runs at equal cost write --at {root}." if cost in COSTS else ""
            raise UserError(f"{root} is no directory: name one that vaerun train has written to.{hint}")
    if not words.roots:
        raise UserError("vaerun compare needs a directory with runs below it, such as runs.")
    return words
