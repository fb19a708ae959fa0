"""What a run costs beyond its steps: the start, the records, a short run as a whole."""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench.process import environment
from bench.rounds import interleave

PROGRAMS = {
    "import torch": ["-c", "import torch"],
    "first step": ["-m", "bench.command", "first_step"],
    "run": ["-m", "bench.command", "run"],
    "bare loop": ["-m", "bench.command", "bare_loop"],
}


def measure(folder: Path, *, repeats: int) -> dict[str, Any]:
    """Seconds of each program, start included, in rounds; and the shares of a default run."""
    folder.mkdir(parents=True)
    taken = interleave({name: lambda words=words: seconds(words, folder) for name, words in PROGRAMS.items()}, repeats)
    found: dict[str, Any] = {}
    for clock in ("cpu", "wall"):
        found[clock] = {name: statistics.median(one[clock] for one in each) for name, each in taken.items()}
        found[f"{clock}_ranges"] = {
            name: [min(one[clock] for one in each), max(one[clock] for one in each)] for name, each in taken.items()
        }
    shares = subprocess.run(
        [sys.executable, "-m", "bench.command", "shares"],
        cwd=folder,
        env=environment(1),
        capture_output=True,
        text=True,
    )
    found["shares"] = json.loads(shares.stdout.splitlines()[-1])
    return found


def products(threads: int) -> dict[str, Any]:
    """Matrix-multiply rates, what every step is made of."""
    words = [sys.executable, "-m", "bench.command", "products"]
    said = subprocess.run(words, env=environment(threads), capture_output=True, text=True)
    return json.loads(said.stdout.splitlines()[-1])


def gpu() -> str:
    """What torch says of the GPU and of CUDA, in a process of its own."""
    asks = "import torch; print(torch.cuda.get_device_name(), 'CUDA', torch.version.cuda)"
    said = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True)
    return said.stdout.strip() or "none that torch finds"


def seconds(words: list[str], folder: Path) -> dict[str, float]:
    """Processor and wall seconds of a Python process, from its start to its end."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *words], cwd=folder, env=environment(1), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"python {' '.join(words)} ended with status {status}")
    return {"wall": time.perf_counter() - start, "cpu": used.ru_utime + used.ru_stime}


def sentences(found: dict[str, Any]) -> list[str]:
    """The same in words."""
    cpu, wall, shares = found["cpu"], found["wall"], found["shares"]
    training = ("steps", "batches and the rest")
    recording = [name for name in shares if name not in (*training, "evaluation", "images", "start and end")]
    total, recorded = sum(shares.values()), sum(shares[name] for name in recording)
    trained = sum(shares[name] for name in training) + recorded
    parts = ", ".join(f"{name} {shares[name] / total:.1%}" for name in recording)
    return [
        f"Start to first step: {wall['first step']:.2f} s, {cpu['first step']:.2f} s of processor time; "
        f"`import torch` alone {wall['import torch']:.2f} s, {cpu['import torch']:.2f} s. "
        f"Beyond it: {wall['first step'] - wall['import torch']:.2f} s, "
        f"{cpu['first step'] - cpu['import torch']:.2f} s of processor time.",
        f"A default run: recording is {recorded / total:.1%} of its {total:.1f} s of processor time ({parts}), and "
        f"{recorded / trained:.1%} of what it spends in training, start, evaluation and images left out.",
        f"1,000 steps of the default configuration: {cpu['run']:.2f} s of processor time as `vaerun train`, with "
        f"evaluation and all it writes; {cpu['bare loop']:.2f} s as a script that loops over strategy.step, imports "
        f"included in both: {cpu['run'] / cpu['bare loop']:.2f} times.",
    ]
