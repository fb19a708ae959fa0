"""Train small runs of many kinds, and compare what two versions of vaerun have recorded of them, bit by bit.

A change of the code that should change no result is proven with it, on one machine:

    python scripts/same_records.py write /tmp/before     # with the earlier version installed
    python scripts/same_records.py write /tmp/after      # with the later one
    python scripts/same_records.py compare /tmp/before /tmp/after

Every kind is one `vaerun train`; KIND.jsonl is its metrics.jsonl without the clock. `compare` prints one line a kind
and exits with 1 if any record differs.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CLOCK = ("seconds", "train_seconds", "compile_seconds")
SHORT = ("trainer.epochs=4", "model.decoder.hidden=[32]", "amortizer.hidden=[32]", "execution.threads=1")
PER_POINT = ("strategy.test_steps=40",)
KINDS: dict[str, tuple[str, ...]] = {
    "amortized": ("strategy=amortized",),
    "joint": ("strategy=joint", *PER_POINT),
    "coordinate": ("strategy=coordinate", *PER_POINT),
    "semi_amortized": ("strategy=semi_amortized", *PER_POINT),
    "semi_amortized_regression": ("strategy=semi_amortized", "strategy/encoder_loss=regression", *PER_POINT),
    "semi_amortized_unrolled": ("strategy=semi_amortized", "strategy/encoder_loss=unrolled", *PER_POINT),
    "iterative_amortized": ("strategy=iterative_amortized",),
    "alternating": ("strategy=alternating",),
    "aggressive": ("strategy=aggressive",),
    "phi_init_encoder": ("strategy=joint", "strategy/phi_init=encoder", *PER_POINT),
    "phi_init_random": ("strategy=coordinate", "strategy/phi_init=random", "strategy.phi_init.steps=20", *PER_POINT),
    "local_lbfgs": ("strategy=coordinate", "local/optimizer=lbfgs", *PER_POINT),
    "discrete_score": ("posterior=bernoulli", "estimator=score"),
    "discrete_rebar": ("posterior=bernoulli", "estimator=rebar"),
    "discrete_per_point": ("posterior=bernoulli", "estimator=disarm", "strategy=joint", *PER_POINT),
    "iwae": ("objective=iwae", "objective.num_samples=5", "estimator=doubly_reparam"),
    "flow": ("posterior=planar",),
    "kl_warm_up": ("objective/kl_weight=linear", "objective.kl_weight.epochs=3"),
    "hierarchical": ("model=hierarchical",),
    "resumed": ("strategy=coordinate", *PER_POINT),
    "evaluation_in_training": (
        *("posterior=bernoulli", "estimator=disarm", "evaluation=gradient", "evaluation.points=20"),
        *("evaluation.replicas=40", "trainer.validation.evaluation_every=2"),
    ),
    "gap": ("evaluation=gap", "evaluation.points=20", "evaluation.max_steps=60", "evaluation.temperatures=20"),
    "cross": ("strategy=joint", "evaluation=cross", "evaluation.points=20", "evaluation.encoder_epochs=3", *PER_POINT),
    "latent": ("evaluation=latent",),
    "marginal": ("evaluation=marginal", "evaluation.num_samples=200"),
    "ais": ("evaluation=ais", "evaluation.points=20", "evaluation.temperatures=50"),
}
INTERRUPTED = ("resumed",)


def main() -> int:
    """Writes or compares; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    writing = commands.add_parser("write")
    writing.add_argument("folder", type=Path)
    writing.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    comparing = commands.add_parser("compare")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    asked = parser.parse_args()
    return write(asked.folder, asked.kinds) if asked.command == "write" else compare(asked.before, asked.after)


def write(folder: Path, kinds: list[str]) -> int:
    """Trains every kind and leaves its records in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in kinds:
        with tempfile.TemporaryDirectory() as scratch:
            run = Path(scratch, "run")
            train(run, [*SHORT, *KINDS[kind]], interrupted=kind in INTERRUPTED)
            lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        kept = [json.dumps({key: value for key, value in line.items() if key not in CLOCK}) for line in lines]
        (folder / f"{kind}.jsonl").write_text("\n".join(kept) + "\n")
        print(f"{kind}: {len(kept)} records", flush=True)
    return 0


def train(run: Path, words: list[str], *, interrupted: bool) -> None:
    """One run; an interrupted one is stopped after its first validation and goes on in a process of its own."""
    command = [sys.executable, "-m", "vaerun", "train"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [*command, *words, f"hydra.run.dir={run}"], env=environment, stderr=subprocess.PIPE
    ) as process:
        if interrupted:
            while not (run / "metrics.jsonl").exists() or not (run / "metrics.jsonl").read_bytes().count(b"\n"):
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    if process.returncode != (130 if interrupted else 0):
        raise SystemExit(f"{' '.join(words)} ended with exit code {process.returncode}:\n{said.decode()}")
    if interrupted:
        subprocess.run([*command, f"resume={run}"], env=environment, check=True, stderr=subprocess.DEVNULL)


def compare(before: Path, after: Path) -> int:
    """Prints for every kind whether its records are equal to the bit, and where they first are not."""
    differing = 0
    for path in sorted(before.glob("*.jsonl")):
        one, other = path.read_text().splitlines(), (after / path.name).read_text().splitlines()
        told = "equal" if one == other else difference(one, other)
        differing += one != other
        print(f"{path.stem:28} {len(one):4} records  {told}")
    return 1 if differing else 0


def difference(one: list[str], other: list[str]) -> str:
    """The first line and key in which two lists of records differ."""
    for number, (a, b) in enumerate(zip(one, other, strict=False), start=1):
        left, right = json.loads(a), json.loads(b)
        for key in dict.fromkeys([*left, *right]):
            if left.get(key) != right.get(key):
                return f"DIFFER at line {number}: {key} {left.get(key)} and {right.get(key)}"
    return f"DIFFER: {len(one)} and {len(other)} records"


if __name__ == "__main__":
    sys.exit(main())
