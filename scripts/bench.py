"""How fast is vaerun beside the programs that people write today? Prints a JSON line a case, then tables of ratios.

    python scripts/bench.py                          # every case; about half an hour
    python scripts/bench.py --cases b100 k5 --rounds 5
    python scripts/bench.py --cases overhead
    python scripts/bench.py --cases b100 --only REF --also execution.compile=true "objective=iwae seed=1"
    python scripts/bench.py --device cuda            # by the wall clock; further rows with CUDA graphs, TF32, bfloat16

The peers are optional: pip install pyro-ppl pythae lightning "jax[cpu]" numpyro. One that is missing is a row that says
so. Every peer is a process of its own that is asked for a short chunk of steps in turn with the others, so that a
machine whose speed drifts slows all of them alike; a figure is the median over rounds, its range that of the rounds.
With one thread the clock is the processor time of the process, which other work on the machine hardly moves; with more,
or on a GPU, it is the wall clock.
"""

import argparse
import contextlib
import json
import os
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import data, overhead, table
from bench.case import CASES, Case, Peer, on
from bench.machine import machine
from bench.process import Worker
from bench.rounds import interleave, ratio
from bench.worker import versions


def main() -> None:
    """Measures the chosen cases and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=[*CASES, "overhead"], default=[*CASES, "overhead"])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clock", choices=("cpu", "wall"), help="what a rate is per second of")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument(
        "--only", nargs="+", metavar="WORD", default=[""], help="only peers whose names hold one of these words"
    )
    parser.add_argument("--also", nargs="+", metavar="WORDS", default=[], help="further vaerun rows, with these words")
    options = parser.parse_args()
    clock = options.clock or ("cpu" if options.threads == 1 and options.device == "cpu" else "wall")
    about = {"machine": machine(), "versions": versions(), "threads": options.threads, "clock": clock}
    about |= {"gpu": overhead.gpu()} if options.device == "cuda" else {}
    about["gflops"] = overhead.products(options.threads)
    tables = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.cases:
            if name == "overhead":
                found = overhead.measure(Path(folder) / name, repeats=min(5, options.rounds))
                tables.append("\n".join(f"- {line}" for line in overhead.sentences(found)))
                print(json.dumps({"case": name, "load": os.getloadavg(), **found, **about}), flush=True)
                continue
            case = on(CASES[name], options.device)
            further = (Peer(f"vaerun, {words}", "vaerun_train", tuple(words.split())) for words in options.also)
            chosen = (peer for peer in case.peers if any(word in peer.label for word in options.only))
            case = replace(case, peers=(*chosen, *further))
            rows, load = measure(case, Path(folder), rounds=options.rounds, threads=options.threads, clock=clock)
            result = {"case": case.name, "rounds": options.rounds, "steps": case.steps, "load": load, "rows": rows}
            print(json.dumps({**result, **about}), flush=True)
            where = f"{about['machine']}, torch {about['versions']['torch']}"
            parts = [f"**{case.name}** ({where})", table.markdown(rows, case.unit), table.cross(rows)]
            tables.append("\n\n".join(part for part in parts if part))
    print("\n" + "\n\n".join(["\n".join(f"- {name}: {value}" for name, value in about.items()), *tables]))


def measure(case: Case, folder: Path, *, rounds: int, threads: int, clock: str) -> tuple[list[dict[str, Any]], Any]:
    """A row for every peer, and the machine's load before and after."""
    before, workers = os.getloadavg()[0], []
    with contextlib.ExitStack() as stack:
        for number, peer in enumerate(case.peers):
            points = peer.points or case.points
            own = replace(case, points=points, data=str(data.write(folder, points, case.image)))
            place = Path(tempfile.mkdtemp(prefix=f"{peer.module}{number}_", dir=folder))
            worker = Worker(peer, own, place, threads)
            stack.callback(worker.close)
            workers.append(worker)
            print(f"{case.name}: {peer.label}: {worker.error or 'ready'}", file=sys.stderr, flush=True)
        alive = [worker for worker in workers if not worker.error]
        taken = interleave(
            {worker.peer.label: lambda worker=worker: worker.take(case.steps) for worker in alive}, rounds
        )
        rows = [row(worker, taken.get(worker.peer.label, []), clock) for worker in workers]
    first = next((found for found in rows if not found.get("error")), None)
    for found in rows:
        if first is not None and not found.get("error"):
            found |= ratio(found["rates"], first["rates"])
    return rows, [before, os.getloadavg()[0]]


def row(worker: Worker, chunks: list[dict[str, Any]], clock: str) -> dict[str, Any]:
    """What one worker's chunks say."""
    if worker.error:
        return {"peer": worker.peer.label, "error": worker.error}
    made = worker.case.steps * worker.case.per_step
    rates = {name: [made / chunk[name] for chunk in chunks] for name in ("cpu", "wall")}
    kept = ("peak_bytes", "loss", "table_bytes_per_point")
    return {
        "peer": worker.peer.label,
        "rate": statistics.median(rates[clock]),
        "rates": rates[clock],
        "wall_rate": statistics.median(rates["wall"]),
        **{name: chunks[-1][name] for name in kept if name in chunks[-1]},
    }


if __name__ == "__main__":
    main()
