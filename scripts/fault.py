"""Break runs on purpose, and record what becomes of them.

    python scripts/fault.py kill /tmp/fault --kills 1000     # SIGKILL at random moments and inside chosen calls
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    killing = commands.add_parser("kill")
    killing.add_argument("folder", type=Path)
    killing.add_argument("--kills", type=int, default=1000)
    killing.add_argument("--seed", type=int, default=0)
    killing.add_argument("--kinds", nargs="*", default=None)
    showing = commands.add_parser("table")
    showing.add_argument("file", type=Path)
    asked = parser.parse_args()
    if asked.command == "kill":
        return kill(asked.folder.resolve(), asked.kills, asked.seed, asked.kinds)
    return table(asked.file)


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
