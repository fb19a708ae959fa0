"""Trains on a file that does not fit into the memory that is allowed, and measures what is used.

    python scripts/large_data.py --folder FOLDER            # 10 million rows of 100 columns: 30 GB of disk, 30 minutes
    python scripts/large_data.py --folder FOLDER --rows 100000 --steps 200 --limit 1.5

The file is written once. Every run is a process of its own with a limit on private memory (RLIMIT_DATA), which pages of
mapped files do not count for. RssAnon is the memory that the process has for itself; RssFile are pages of files, which
the system takes back when it needs memory. The same run with few rows in memory shows what the mapped files cost.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

GIB = 2**30
PART = 100_000  # rows that are written at a time
LATENT = 25
MODEL = (
    f"model.latent_dim={LATENT}",
    "model/likelihood=gaussian",
    "trainer.records.images_every=0",
    "execution.threads=1",
)
STRATEGIES = {"amortized": ("strategy=amortized",), "joint": ("strategy=joint", "strategy.test_steps=5")}
FIELDS = ("RssAnon", "RssFile")


def main() -> None:
    """Writes the files, trains, and prints a line for every run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="on a disk with room; the data file stays there")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--limit", type=float, default=4.0, help="GiB of private memory")
    parser.add_argument("--strategies", nargs="+", choices=STRATEGIES, default=list(STRATEGIES))
    options = parser.parse_args()
    large = written(options.folder, options.rows, options.columns)
    small = written(options.folder, 20_000, options.columns)
    for strategy in options.strategies:
        for path, rows in ((small, 20_000), (large, options.rows)):
            print(f"{strategy}, {rows:,} rows: {json.dumps(measured(path, rows, strategy, options))}", flush=True)


def written(folder: Path, rows: int, columns: int) -> Path:
    """A file of points near a plane of five dimensions, float32."""
    path = folder / f"{rows}x{columns}.npy"
    if path.exists():
        return path
    rng = np.random.default_rng(0)
    plane = rng.standard_normal((5, columns), np.float32)
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (rows, columns)})
        for start in range(0, rows, PART):
            count = min(PART, rows - start)
            noise = 0.3 * rng.standard_normal((count, columns), np.float32)
            file.write((rng.standard_normal((count, 5), np.float32) @ plane + noise).tobytes())
    temporary.replace(path)
    return path


def measured(path: Path, rows: int, strategy: str, options: argparse.Namespace) -> dict[str, object]:
    """Peak memory in GiB, seconds before the first step, and steps per second of one run."""
    held_out = 2000 / rows  # a per-point strategy solves for φ of every point that is held out
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        words = (
            "data=arrays", f"data.path={path}", f"data.valid_fraction={held_out}", f"data.test_fraction={held_out}",
            *MODEL, *STRATEGIES[strategy], f"trainer.batch_size={options.batch}", "trainer.epochs=100000",
            "trainer.validation.every=100000", "trainer.checkpoints.seconds=3600", "evaluation.num_samples=10",
            f"trainer.max_decoder_evaluations={options.steps * options.batch}", f"hydra.run.dir={folder}/run",
        )  # fmt: skip
        limit = round(options.limit * GIB)
        process = subprocess.Popen(
            [sys.executable, "-m", "vaerun", "train", *words],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit)),
            env={**os.environ, "TMPDIR": str(options.folder)},
        )
        peak, begun = dict.fromkeys([*FIELDS, "both"], 0), time.monotonic()
        while process.poll() is None:
            now = resident(process.pid)
            for key, value in now.items():
                peak[key] = max(peak[key], value)
            time.sleep(0.02)
        said = process.stderr.read() if process.stderr else ""
        if process.returncode:
            raise RuntimeError(said[-2000:])
        summary = json.loads((Path(folder) / "run" / "summary.json").read_text())
        disk = sum(file.stat().st_size for file in (Path(folder) / "run" / "checkpoints").iterdir())
    needs = next((line.strip() for line in said.splitlines() if "needs about" in line), "")
    return {
        **{f"peak {key}, GiB": round(value / GIB, 2) for key, value in peak.items()},
        "seconds": round(time.monotonic() - begun),
        "seconds outside steps": round(time.monotonic() - begun - summary["train_seconds"]),
        "steps": summary["steps"],
        "steps per second": round(summary["steps"] / summary["train_seconds"], 1),
        "elbo/valid": round(summary["metrics"]["elbo/valid"], 2),
        "checkpoints, GiB": round(disk / GIB, 2),
        "said": needs,
    }


def resident(pid: int) -> dict[str, int]:
    """Bytes that the process has of its own and of files, as Linux tells it; empty after its end."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return {}
    found = {line.split(":")[0]: 1024 * int(line.split()[1]) for line in text.splitlines() if line.startswith(FIELDS)}
    return {**found, "both": sum(found.values())} if found else {}


if __name__ == "__main__":
    main()
