"""Break runs on purpose, and record what becomes of them.

    python scripts/fault.py kill /tmp/fault --kills 1000     # SIGKILL at random moments and inside chosen calls
    python scripts/fault.py corrupt /tmp/fault --rounds 20   # one bit flipped in each file of a run
    python scripts/fault.py environment /tmp/fault           # full disks, limits, read-only and vanished folders
    python scripts/fault.py table /tmp/fault/kill.jsonl      # what the recorded trials amount to

A trial is one line of JSON in FOLDER/kill.jsonl: the kind of run, where it was killed, and how its end
differs from that of a run that was left alone. docs/reliability.md has the results.
"""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any


def main() -> int:
    """Runs one command; returns the exit code: 1 if a trial failed."""
    sys.path.append(str(Path(__file__).resolve().parents[1]))  # tests.runs
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    killing = commands.add_parser("kill")
    killing.add_argument("folder", type=Path)
    killing.add_argument("--kills", type=int, default=1000)
    killing.add_argument("--seed", type=int, default=0)
    killing.add_argument("--kinds", nargs="*", default=None)
    flipping = commands.add_parser("corrupt")
    flipping.add_argument("folder", type=Path)
    flipping.add_argument("--rounds", type=int, default=20)
    flipping.add_argument("--seed", type=int, default=0)
    breaking = commands.add_parser("environment")
    breaking.add_argument("folder", type=Path)
    breaking.add_argument("--only", default=None, help="one group of faults, such as small_disks")
    breaking.add_argument("--short", action="store_true", help="fewer sizes, and only what needs no new process")
    showing = commands.add_parser("table")
    showing.add_argument("file", type=Path)
    asked = parser.parse_args()
    if asked.command == "kill":
        return kill(asked.folder.resolve(), asked.kills, asked.seed, asked.kinds)
    if asked.command == "corrupt":
        return corrupt(asked.folder.resolve(), asked.seed, asked.rounds)
    if asked.command == "environment":
        return environment(asked.folder.resolve(), asked.only, thorough=not asked.short)
    return table(asked.file)


def corrupt(folder: Path, seed: int, rounds: int) -> int:
    """One bit flipped in each file, round after round; prints a line for each file and use."""
    from fault.corrupt import corruptions
    from fault.process import warm

    folder.mkdir(parents=True, exist_ok=True)
    warm()
    verdicts: dict[tuple[str, str], Counter[str]] = {}
    with (folder / "corrupt.jsonl").open("a") as file:
        for result in corruptions(folder, seed, rounds):
            file.write(json.dumps(result) + "\n")
            verdicts.setdefault((result["file"], result["use"]), Counter())[result["verdict"]] += 1
    for (name, use), found in verdicts.items():
        print(f"{name:20} {use:18} {', '.join(f'{count} {word}' for word, count in found.most_common())}")
    return 1 if any(found["SILENT"] + found["crash"] for found in verdicts.values()) else 0


def environment(folder: Path, only: str | None, *, thorough: bool) -> int:
    """Every fault of the environment; prints what became of it, and the counts."""
    from fault.environment import groups, outcomes
    from fault.process import warm

    known = groups(thorough=thorough)
    if only is not None and only not in known:
        print(f"--only must be a group of faults that can be tried here, got {only}: use {', '.join(known)}.")
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    warm()
    counts: Counter[tuple[str, bool]] = Counter()
    with (folder / "environment.jsonl").open("a") as file:
        for outcome in outcomes(folder, known if only is None else {only: known[only]}):
            file.write(json.dumps(outcome._asdict()) + "\n")
            counts[outcome.fault, not outcome.wrong] += 1
            if outcome.wrong:
                print(f"WRONG {outcome.fault}: {outcome.wrong}; exit code {outcome.code}: {outcome.said}", flush=True)
    for fault in dict.fromkeys(fault for fault, _ in counts):
        print(f"{counts[fault, True]:4} of {counts[fault, True] + counts[fault, False]:4}  {fault}")
    return 1 if any(not good for _, good in counts) else 0


def kill(folder: Path, kills: int, seed: int, kinds: list[str] | None) -> int:
    """Trials until there were so many kills; appends them to kill.jsonl."""
    from fault.kill import trials
    from fault.kind import KINDS
    from fault.process import warm

    folder.mkdir(parents=True, exist_ok=True)
    warm()
    done = 0
    with (folder / "kill.jsonl").open("a") as file:
        for result in trials(folder, seed, kinds or list(KINDS)):
            file.write(json.dumps(result) + "\n")
            file.flush()
            done += len(result["kills"])
            if done >= kills:
                break
    return table(folder / "kill.jsonl")


def table(path: Path) -> int:
    """Prints the kills by kind and by place, and what differed."""
    results = [json.loads(line) for line in path.read_text().splitlines()]
    print(f"{'kind':22}{'runs':>6}{'kills':>7}{'identical':>11}{'failed':>8}{'duplicates':>12}{'gaps':>6}")
    for kind in [*dict.fromkeys(result["kind"] for result in results), "all"]:
        print(row(kind, [result for result in results if kind in ("all", result["kind"])]))
    places = Counter(shot["where"] for result in results for shot in result["kills"])
    for place, count in places.most_common():
        print(f"{count:6}  {place}")
    return 1 if any(bad(result) for result in results) else 0


def row(kind: str, results: list[dict[str, Any]]) -> str:
    """One line of the table."""
    kills = sum(len(result["kills"]) for result in results)
    identical = sum(result.get("differing") == [] for result in results)
    failed = sum("failed" in result for result in results)
    twice, gaps = (sum(result.get(key, 0) for result in results) for key in ("duplicates", "gaps"))
    return f"{kind:22}{len(results):6}{kills:7}{identical:11}{failed:8}{twice:12}{gaps:6}"


def bad(result: dict[str, Any]) -> bool:
    """Whether a trial did not end as if nothing had happened."""
    return "failed" in result or bool(result["differing"] or result["duplicates"] or result["gaps"])


if __name__ == "__main__":
    sys.exit(main())
