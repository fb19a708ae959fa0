"""What does a second process bring, and what does it cost? Seconds of a step by 1 and by R processes of one run.

    python scripts/parallel_scaling.py > parallel.jsonl           # about three minutes on two cores
    python scripts/parallel_scaling.py --devices 4 --strategies amortized --batches 100

784-200-200-2×50 and 50-200-200-784, tanh, Bernoulli pixels drawn by the script, gloo, one thread for each process.
Strong scaling divides the batch over the processes; weak scaling gives each process a whole batch. Rounds of both and
of one process alone follow one another within the same processes, so that they share the state of the machine. One line
of JSON a strategy and batch: of single steps, the median and the 5 % quantile of wall time and the median of the
processor time of process 0, in milliseconds; on a machine with other work, the last two are nearer to what a quiet
machine would need. ``exchange`` is the exchange of gradients alone, with all processes ready.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))
os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])

import torch

from vaerun.config.hydra import compose
from vaerun.data.base import DataInfo
from vaerun.execution import follower, parallel, team
from vaerun.execution.matmul import choose_matmul_backend
from vaerun.execution.parallel import World
from vaerun.experiment.build import KnownData, build_strategy
from vaerun.experiment.make import plain
from vaerun.notation import Batch
from vaerun.strategy.base import Strategy

CPU = torch.device("cpu")
POINTS = 20_000
NETWORK = (
    *("amortizer.hidden=[200,200]", "amortizer.activation=tanh", "model.latent_dim=50"),
    *("model.decoder.hidden=[200,200]", "model.decoder.activation=tanh"),
)


def measure(name: str, batch: int, seconds: float) -> dict[str, Any]:
    """The times of one strategy and batch size, as process 0 sees them."""
    torch.set_num_threads(1)
    choose_matmul_backend("auto")
    first = parallel.rank() == 0
    x = (torch.rand(POINTS, 784, generator=torch.Generator().manual_seed(0)) < 0.15).float()
    with parallel.one_of(World()):
        alone = made(name, x) if first else None
    shared = made(name, x)
    own, ranks = parallel.rows(POINTS), parallel.size()
    times: dict[str, list[tuple[float, float]]] = {"one": [], "strong": [], "weak": [], "exchange": []}
    gradients = [torch.zeros_like(weight) for weight in shared.weights]
    stop = time.monotonic() + seconds
    while parallel.of_first(time.monotonic() < stop):
        if alone is not None:
            with parallel.one_of(World()):
                run(times["one"], lambda: alone.step(draw(x, range(POINTS), batch)), together=False)
        run(times["strong"], lambda: shared.step(draw(x, own, batch // ranks)))
        run(times["weak"], lambda: shared.step(draw(x, own, batch)))
        run(times["exchange"], lambda: parallel.average(gradients))
    found: dict[str, Any] = {"strategy": name, "batch": batch, "processes": ranks}
    found["bytes"] = sum(4 * weight.numel() for weight in shared.weights)
    for kind, measured in times.items():
        milliseconds = sorted(1000 * wall for wall, _ in measured[10:]) or [0.0]
        processor = [1000 * used for _, used in measured[10:]] or [0.0]
        found[kind] = {
            "median": round(statistics.median(milliseconds), 3),
            "low": round(milliseconds[len(milliseconds) // 20], 3),
            "processor": round(statistics.median(processor), 3),
            "steps": len(milliseconds),
        }
    return found | {"load": round(os.getloadavg()[0], 1)}


def run(
    times: list[tuple[float, float]], step: Callable[[], object], *, together: bool = True, count: int = 10
) -> None:
    """Adds the times of a few steps; all processes begin them at the same time."""
    if together:
        parallel.wait()
    for _ in range(count):
        start, used = time.perf_counter(), time.process_time()
        step()
        times.append((time.perf_counter() - start, time.process_time() - used))


def made(name: str, x: torch.Tensor) -> Strategy:
    """A strategy of the network, for as many processes as there are."""
    torch.manual_seed(0)
    sizes = {"train": POINTS, "valid": 10, "test": 10}
    known = KnownData(DataInfo("pixels", "none", (784,), "binary", sizes), x.mean(0), float(x.std()))
    return build_strategy(plain(compose([*NETWORK, f"strategy={name}"])[0]), known, CPU)


def draw(x: torch.Tensor, own: range, size: int) -> Batch:
    """A batch of the points of this process."""
    index = torch.randint(own.start, own.stop, (2 * size,)).unique()[:size]
    index = index[torch.randperm(len(index))]
    return Batch(index, x[index])


def follow(*words: Any) -> None:
    """The part of the other processes."""
    with follower.joined(CPU):
        measure(*words)


def main() -> None:
    """Measures what is asked for, and prints a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=2)
    parser.add_argument("--strategies", nargs="*", default=["amortized", "joint", "coordinate", "semi_amortized"])
    parser.add_argument("--batches", nargs="*", type=int, default=[100, 1000])
    parser.add_argument("--seconds", type=float, default=15.0)
    asked = parser.parse_args()
    from parallel_scaling import follow as followed  # by a name that the other processes can import, too

    for name in asked.strategies:
        for batch in asked.batches:
            with team.leading(asked.devices) as others:
                words = name, batch, asked.seconds
                with nullcontext() if others is None else others.join(CPU, followed, *words):
                    print(json.dumps(measure(*words)), flush=True)


if __name__ == "__main__":
    main()
