"""Give vaerun damaged inputs of five kinds, and count how it ends: with success, with one sentence, or with a fault.

    python scripts/fuzz.py                                  # 1,000 inputs of each kind
    python scripts/fuzz.py --kinds "data files" --inputs 20000
    python scripts/fuzz.py --minutes 60 --table fuzz.md     # round after round; the table is written after each

An input may end with success or with a refusal of one sentence (exit code 2). Everything else is a fault: another
exception, a crash, more than --seconds, or more memory than the kind allows. Each distinct fault is kept with its
smallest input in the folder --faults. Each round of a kind runs in a process of its own, so a crash ends only that
round. The exit code is 1 if there was a fault.
"""

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.append(str(Path(__file__).resolve().parents[1]))  # tests.runs

from fuzzing.checkpoint import Checkpoints
from fuzzing.configuration import Configurations
from fuzzing.data import Data
from fuzzing.image import Images
from fuzzing.kind import Kind, RefusedError
from fuzzing.override import Overrides
from fuzzing.result import Results
from fuzzing.watch import Cost, measured, signature

ALL = (Data, Images, Results, Configurations, Checkpoints, Overrides)
KINDS: dict[str, type[Kind]] = {
    kind.name: kind for kind in (Data, Images, Results, Configurations, Checkpoints, Overrides)
}
MEMORY = 4 * 2**30
"""Address space that a round may add to what Python and torch take."""


@dataclass
class Tally:
    """How the inputs of one kind ended."""

    inputs: int = 0
    successes: int = 0
    refusals: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    slowest: float = 0.0
    peak: int = 0

    def add(self, other: "Tally") -> None:
        """Adds the tally of another round."""
        self.inputs, self.successes = self.inputs + other.inputs, self.successes + other.successes
        self.refusals += other.refusals
        for name, count in other.faults.items():
            self.faults[name] = self.faults.get(name, 0) + count
        self.slowest, self.peak = max(self.slowest, other.slowest), max(self.peak, other.peak)


def main() -> int:
    """Runs the rounds and prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--inputs", type=int, default=1000, help="of each kind, in each round")
    parser.add_argument("--minutes", type=float, help="repeat rounds until they have passed")
    parser.add_argument("--seed", type=int, default=0, help="of the first round")
    parser.add_argument("--seconds", type=float, default=20, help="that one input may take")
    parser.add_argument("--faults", type=Path, default=Path("fuzz-faults"))
    parser.add_argument("--table", type=Path, help="write the table into this file, too")
    parser.add_argument("--round", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.round:
        print(json.dumps(asdict(round_of(KINDS[asked.round](), asked))))
        return 0
    tallies = {name: Tally() for name in asked.kinds}
    end = time.monotonic() + 60 * (asked.minutes or 0)
    while True:
        for name in asked.kinds:
            tallies[name].add(in_own_process(name, asked))
            if asked.table:
                asked.table.write_text(table(tallies))
        asked.seed += 1
        if time.monotonic() >= end:
            break
    print(table(tallies), end="")
    return 1 if any(tally.faults for tally in tallies.values()) else 0


def in_own_process(name: str, asked: argparse.Namespace) -> Tally:
    """One round of a kind in a process of its own."""
    words = ["--round", name, "--inputs", asked.inputs, "--seed", asked.seed, "--seconds", asked.seconds]
    words += ["--faults", asked.faults.absolute()]
    command = [sys.executable, __file__, *map(str, words)]
    try:
        # A process can hang where no signal handler of Python runs.
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60 + 2 * asked.inputs)
    except subprocess.TimeoutExpired:
        return Tally(faults={"the process hangs": 1})
    try:
        return Tally(**json.loads(ran.stdout.strip().splitlines()[-1]))
    except (IndexError, ValueError, TypeError):
        last = (ran.stderr.strip().splitlines() or ["no word"])[-1]
        return Tally(faults={f"the process ended with {ran.returncode}: {last[:200]}": 1})


def round_of(kind: Kind, asked: argparse.Namespace) -> Tally:
    """Reads the inputs of one round in this process."""
    import torch
    from hypothesis import HealthCheck, Phase, given, seed, settings

    torch.set_num_threads(1)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    limit_memory()
    tally = Tally()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        os.chdir(folder)
        inputs = kind.inputs(folder)
        current = asked.faults / f"current-{kind.name.replace(' ', '-')}"
        asked.faults.mkdir(parents=True, exist_ok=True)

        @seed(asked.seed)
        @settings(
            max_examples=asked.inputs,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(inputs)
        def one(value: object) -> None:
            current.write_bytes(kind.shown(value))  # stays if the process crashes
            error, cost = measured(lambda: kind.read(value, folder), limit=asked.seconds)
            judge(kind, value, error, cost, tally=tally, faults=asked.faults)

        one()
        current.unlink(missing_ok=True)
    return tally


def judge(kind: Kind, value: object, error: BaseException | None, cost: Cost, *, tally: Tally, faults: Path) -> None:
    """Counts one input, and keeps it if it is the smallest with its fault, or the slowest of its round."""
    tally.inputs += 1
    if cost.seconds > max(1, tally.slowest):
        (faults / f"slowest-{kind.name.replace(' ', '-')}").write_bytes(kind.shown(value))
    tally.slowest, tally.peak = max(tally.slowest, cost.seconds), max(tally.peak, cost.peak)
    fault = None
    if error is None:
        tally.successes += 1
    elif isinstance(error, RefusedError):
        tally.refusals += 1
    else:
        fault = signature(error)
    if fault is None and cost.peak > kind.megabytes * 2**20:
        fault = f"more than {kind.megabytes} MB"
    if fault is not None:
        tally.faults[fault] = tally.faults.get(fault, 0) + 1
        name = "".join(letter if letter.isalnum() else "-" for letter in f"{kind.name} {fault}")[:120]
        place, content = faults / name, kind.shown(value)
        if not place.exists() or place.stat().st_size > len(content):
            place.write_bytes(content)


def limit_memory() -> None:
    """Lets an allocation fail that would fill the memory of this machine."""
    import resource

    pages = Path("/proc/self/statm")
    if pages.exists():
        used = int(pages.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))


def table(tallies: dict[str, Tally]) -> str:
    """The tallies as Markdown, and every distinct fault in a line."""
    columns = ("kind", "inputs", "successes", "refusals", "faults", "slowest input", "peak memory")
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    total = Tally()
    for name, tally in [*tallies.items(), ("all", total)]:
        count = sum(tally.faults.values())
        lines.append(
            f"| {name} | {tally.inputs:,} | {tally.successes:,} | {tally.refusals:,} | {count:,} "
            f"| {tally.slowest:.2f} s | {tally.peak / 1e6:.0f} MB |"
        )
        total.add(tally) if tally is not total else None
    for name, tally in tallies.items():
        lines += [f"- {name}: {fault} ({count} times)" for fault, count in sorted(tally.faults.items())]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
