"""Measures a sweep of short runs: its throughput against a shell loop, or what is left after its workers are killed.

    python scripts/sweep_benchmark.py throughput --jobs 30
    python scripts/sweep_benchmark.py throughput --jobs 30 --launchers processes,joblib,lightning
    python scripts/sweep_benchmark.py kills --jobs 200 --kills 20

The runs train 20 epochs on the embedded digits. ``kills`` sends SIGKILL to a random worker at random times, and then
checks that every job is completed, and that no training step was recorded twice. ``lightning`` is
scripts/lightning_digits.py with the joblib launcher, and needs pytorch-lightning. The results go to stdout.
"""

import argparse
import contextlib
import json
import os
import random
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

VAERUN = [sys.executable, "-m", "vaerun"]
LIGHTNING = Path(__file__).resolve().parent / "lightning_digits.py"
SHORT = ("trainer.epochs=20", "trainer.records.images_every=0", "trainer.checkpoints.seconds=1")


def main() -> None:
    """Runs one of the two measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["throughput", "kills"])
    parser.add_argument("--jobs", type=int, default=30)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=2.0, help="mean time between two kills")
    parser.add_argument("--launchers", default="processes,joblib", help="for throughput")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        if options.what == "throughput":
            throughput(options.jobs, options.launchers.split(","))
        else:
            kills(options.jobs, options.kills, options.seconds)


def throughput(jobs: int, launchers: list[str]) -> None:
    """Jobs per minute of a shell loop, and of a sweep with each launcher."""
    loop = " ".join(shlex.quote(word) for word in [*VAERUN, "train", *SHORT])
    print("| how | jobs per minute |\n|---|---|")
    began = time.monotonic()
    subprocess.run(
        ["bash", "-c", f"for seed in $(seq {jobs}); do {loop} seed=$seed; done"], check=True, capture_output=True
    )
    print(f"| shell loop | {60 * jobs / (time.monotonic() - began):.1f} |", flush=True)
    for launcher in launchers:
        began = time.monotonic()
        how = "PyTorch Lightning, joblib" if launcher == "lightning" else f"vaerun sweep, {launcher}"
        subprocess.run(
            lightning(jobs) if launcher == "lightning" else sweep(jobs, launcher), check=True, capture_output=True
        )
        print(f"| {how} | {60 * jobs / (time.monotonic() - began):.1f} |", flush=True)


def sweep(jobs: int, launcher: str) -> list[str]:
    """The command of a sweep over seeds."""
    seeds = f"seed=range(1,{jobs + 1})"
    return [*VAERUN, "sweep", *SHORT, seeds, f"hydra.sweep.dir={launcher}", f"hydra/launcher={launcher}"]


def lightning(jobs: int) -> list[str]:
    """The command of the same runs with PyTorch Lightning."""
    seeds = [f"seed=range(1,{jobs + 1})", "hydra.sweep.dir=lightning"]
    return [sys.executable, str(LIGHTNING), "-m", *seeds, "hydra/launcher=joblib"]


def kills(jobs: int, count: int, mean: float) -> None:
    """Kills random workers of a sweep, and checks its runs."""
    random.seed(0)
    with Path("log").open("w") as log:
        running = subprocess.Popen(sweep(jobs, "processes"), stdout=log, stderr=log)
        killed = 0
        while running.poll() is None and killed < count:
            time.sleep(random.expovariate(1 / mean))
            workers = running_jobs(Path("processes/.jobs"))
            if workers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(random.choice(workers), signal.SIGKILL)
                    killed += 1
        code = running.wait()
    runs = sorted(path.parent for path in Path("processes").glob("*/config.yaml"))
    completed = sum(json.loads((run / "summary.json").read_text())["status"] == "completed" for run in runs)
    repeated = 0
    for run in runs:
        records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        steps = [record["step"] for record in records if "elbo/test" not in record]
        tests = sum("elbo/test" in record for record in records)
        repeated += tests != 1 or steps != sorted(set(steps))
    starts = Path("log").read_text().count("] started")
    print(
        f"{killed} kills, exit code {code}: {completed} of {jobs} jobs are completed in {len(runs)} directories; "
        f"{starts} starts were seen; {repeated} runs have a record twice"
    )


def running_jobs(folder: Path) -> list[int]:
    """The processes of the jobs that run now."""
    found = []
    for path in folder.glob("*.json"):
        try:
            about = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        if "ended" not in about and Path(f"/proc/{about['pid']}").exists():
            found.append(int(about["pid"]))
    return found


if __name__ == "__main__":
    main()
