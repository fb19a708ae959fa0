"""Compares what a run says it needs of memory with what it takes; about two minutes.

    python scripts/needs.py

The first column is the number of the line "memory  needs about …", the second is the peak of RssAnon, the memory that
the process has for itself, over the whole run.
"""

import os
import re
import subprocess
import sys
import tempfile
import time

from large_data import resident

WIDE = ("model.decoder.hidden=[1000,1000]", "amortizer.hidden=[1000,1000]")
CASES = {
    "default": (),
    "B=1000, two layers of 1000": (*WIDE, "trainer.batch_size=1000"),
    "IWAE, K=50, B=200": ("objective=iwae", "objective.num_samples=50", "trainer.batch_size=200"),
    "IWAE, K=200, B=500": ("objective=iwae", "objective.num_samples=200", "trainer.batch_size=500"),
    "joint, D=2000, lbfgs": (
        "strategy=joint",
        "model.latent_dim=2000",
        "local/optimizer=lbfgs",
        "strategy.test_steps=2",
    ),
    "two layers of 3000": ("model.decoder.hidden=[3000,3000]", "amortizer.hidden=[3000,3000]"),
}
UNITS = {"MB": 1e6, "GB": 1e9}


def main() -> None:
    """Prints a row of a table for every case."""
    print("| run | estimated, MB | measured, MB | ratio |\n|---|---|---|---|")
    for name, words in CASES.items():
        said, peak = run(words)
        print(f"| {name} | {said / 1e6:.0f} | {peak / 1e6:.0f} | {said / peak:.2f} |", flush=True)


def run(words: tuple[str, ...]) -> tuple[float, int]:
    """What a run said, and the most that it had for itself, in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "vaerun", "train", "trainer.epochs=2", "execution.threads=1", *words]
        process = subprocess.Popen(
            [*command, f"hydra.run.dir={folder}/run", "trainer.records.images_every=0"],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        peak = 0
        while process.poll() is None:
            peak = max(peak, resident(process.pid).get("RssAnon", 0))
            time.sleep(0.005)
        text = process.stderr.read() if process.stderr else ""
    match = re.search(r"needs about ([\d.]+) ([MG]B) of memory", text)
    if process.returncode or match is None:
        raise RuntimeError(text[-2000:])
    return float(match[1]) * UNITS[match[2]], peak


if __name__ == "__main__":
    main()
