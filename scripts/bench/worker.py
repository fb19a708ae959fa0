"""A peer in a process of its own: python -m bench.worker MODULE CASE WORDS THREADS, both JSON."""

import importlib
import json
import os
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.case import Case
from bench.gate import Gate

REPORTED = ("torch", "pyro-ppl", "pythae", "lightning", "jax", "jaxlib", "numpyro", "numpy", "vaerun")


def main() -> None:
    """Runs the peer until nobody asks for more steps."""
    module, case, words, threads = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3]), int(sys.argv[4])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is not an answer
    case = Case(**case, peers=())
    if threads == 1 and case.device == "cpu" and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # pools that ignore OMP_NUM_THREADS are held to it
    gate = Gate(answers, case.steps, {})
    try:
        importlib.import_module(f"bench.peer.{module}").train(case, gate, *words)
    except ModuleNotFoundError as error:
        print(json.dumps({"error": f"not installed: {error.name}"}), file=answers, flush=True)
    except Exception as error:
        last = " ".join(str(error).split())[:300]
        print(json.dumps({"error": f"{type(error).__name__}: {last}"}), file=answers, flush=True)
        raise


def versions() -> dict[str, str]:
    """Of every library that is installed."""
    found = {}
    for name in REPORTED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def train_rows(case: Case) -> Path:
    """The training rows as the peers read them."""
    return Path(case.data) / "train.npy"


if __name__ == "__main__":
    main()
