"""How does the cost of a training step grow? µs per data point against batch, K, D, widths, inner steps and N.

    python scripts/scaling.py --plot scaling.png > scaling.jsonl     # half an hour of one core, 8 GB on the disk
    python scripts/scaling.py --quantities batch K --rounds 5             # some of it
    python scripts/scaling.py --read scaling.jsonl --plot scaling.png     # draw again what was measured

784-200-200-2×50 and 50-200-200-784, tanh, Bernoulli pixels; rows of 784 bits drawn by the script; batch 100, K = 1,
N = 60,000 and 20 inner steps wherever they are not the quantity that varies. What runs is ``strategy.step`` over the
batches of ``Loader``, operation by operation and with execution.compile=true, on one thread. With the largest N the
data stay on the disk (8 GB), and Φ with the moments of Adam (12 GB) is in memory, or on the disk if it does not fit.

Every point of a curve is a process of its own. A round asks each of them for a short chunk of steps; the figure is the
median over rounds of the chunk's processor time, the range that of the rounds. One line of JSON a point, on stdout.
"""

import argparse
import importlib
import json
import multiprocessing
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from bench.data import write, write_mapped
from bench.rounds import interleave

NETWORK = (
    "amortizer.hidden=[200,200]",
    "amortizer.activation=tanh",
    "model.decoder.hidden=[200,200]",
    "model.decoder.activation=tanh",
    "model.latent_dim=50",
    "trainer.batch_size=100",
    "execution.device=cpu",
    "execution.threads=1",
)
POINTS = 60_000
FAULTS = 1000  # of pages a step
CHUNK = 0.25  # seconds of processor time, and one step at least


class Quantity(NamedTuple):
    """One curve: what varies, and where it is measured."""

    axis: str
    words: str  # overrides; {} is the value
    values: tuple[int, ...]
    compiled: tuple[int, ...]  # every shape takes its seconds to compile


SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
MAPPED = 10_000_000  # points from which on the data stay on the disk
VISIT = "strategy=coordinate strategy.max_steps={} local.window=100"  # one window, so that no point leaves earlier
QUANTITIES = {
    "batch": Quantity(
        "batch size B",
        "trainer.batch_size={}",
        (1, 2, 5, 10, 20, 50, 100, 200, 512, 1024, 2048, 4096),
        (1, 10, 100, 512, 4096),
    ),
    "K": Quantity(
        "samples K, at B = 100", "objective=iwae objective.num_samples={}", (1, 2, 5, 10, 20, 50, 100), (1, 5, 20, 100)
    ),
    "K of one point": Quantity(
        "samples K, at B = 1",
        "trainer.batch_size=1 objective=iwae objective.num_samples={}",
        (1, 10, 100, 1_000, 10_000, 100_000),
        (1, 1_000, 100_000),
    ),
    "D": Quantity(
        "latent dimension D", "model.latent_dim={}", (2, 5, 10, 20, 50, 100, 200, 500, 1000), (2, 50, 200, 1000)
    ),
    "width": Quantity(
        "units of each hidden layer",
        "amortizer.hidden=[{0},{0}] model.decoder.hidden=[{0},{0}]",
        (64, 128, 256, 512, 1024, 2048, 4096),
        (64, 512, 4096),
    ),
    "T": Quantity("inner steps T of a visit", VISIT, (1, 2, 5, 10, 20, 50, 100), (1, 5, 20, 100)),
    "N": Quantity("data points N, amortized", "strategy=amortized", SIZES, (1_000, 1_000_000)),
    "N, per point": Quantity("data points N, a φ each", VISIT.format(20), SIZES, (1_000, 1_000_000)),
}


def main() -> None:
    """Measures, prints and draws."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quantities", nargs="+", choices=QUANTITIES, default=list(QUANTITIES))
    parser.add_argument("--engines", nargs="+", choices=("eager", "compiled"), default=["eager", "compiled"])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--read", type=Path, help="measure nothing: draw the lines of this file")
    parser.add_argument(
        "--plot", type=Path, help="where the figure goes (needs matplotlib: pip install 'vaerun[report]')"
    )
    options = parser.parse_args()
    if options.read:
        found = [json.loads(line) for line in options.read.read_text().splitlines()]
    else:
        found = []
        with tempfile.TemporaryDirectory() as folder:
            for name in options.quantities:
                for point in curve(name, options, Path(folder)):
                    print(json.dumps(point), flush=True)
                    found.append(point)
    for name in dict.fromkeys(point["quantity"] for point in found):
        for engine in ("eager", "compiled"):
            fixed, slope = fit(found, name, engine)
            if slope > 0:
                told = (
                    f"{name}, {engine}: {fixed:.0f} µs a step + {slope:.3g} µs × {name}; the knee: {fixed / slope:.3g}"
                )
                print(told, file=sys.stderr)
    if options.plot:
        draw(found, options.plot)


def curve(name: str, options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """All points of one quantity, in turns."""
    for module in (
        "torch.utils.flop_counter",
        "vaerun.experiment.build",
    ):  # before the fork, so that they are read once
        importlib.import_module(module)
    quantity = QUANTITIES[name]
    cases = [("eager", v) for v in quantity.values] + [("compiled", v) for v in quantity.compiled]
    workers: dict[str, Worker] = {}
    for engine, value in [case for case in cases if case[0] in options.engines]:
        points = value if name.startswith("N") else POINTS
        if points < MAPPED:
            data = [f"data.path={write(folder, points) / 'data.npz'}"]
        else:
            data = [f"data.path='{write_mapped(folder, points)}'", "data.memory=map"]
        words = [*NETWORK, *quantity.words.format(value).split(), *data]
        workers[f"{engine} {value}"] = Worker([*words, "data=arrays", f"execution.compile={engine == 'compiled'}"])
        print(f"{name}={value}, {engine}: {workers[f'{engine} {value}'].about}", file=sys.stderr)
    taken = interleave({key: worker.chunk for key, worker in workers.items()}, options.rounds)
    found = [
        summary(
            name, key, chunks, workers[key].about, workers.get(key.replace("compiled", "eager"), workers[key]).about
        )
        for key, chunks in taken.items()
    ]
    for worker in workers.values():
        worker.end()
    return found


def summary(name: str, key: str, chunks: list[dict[str, float]], about: dict, eager: dict) -> dict[str, Any]:
    """A point of a curve; a compiled step's products are those of the eager one."""
    engine, value = key.split()
    spent, batch = [chunk["us_per_step"] for chunk in chunks], about["batch"]
    typical = statistics.median(spent)
    figures = {"us_per_point": typical / batch, "low": min(spent) / batch, "high": max(spent) / batch}
    figures |= {"us_per_step": typical, "gflop_per_second": eager["flop_per_step"] / typical / 1e3}
    figures |= {"page_faults_per_step": statistics.median(chunk["page_faults_per_step"] for chunk in chunks)}
    rounded = {name: float(f"{figure:.4g}") for name, figure in figures.items()}
    how = {"rounds": len(chunks), "load": round(os.getloadavg()[0], 2)}
    return {"quantity": name, "value": int(value), "engine": engine, **rounded, **about, **how}


class Worker:
    """A process that takes steps when asked, and waits otherwise.

    Args:
        words: the run, in vaerun's words.
    """

    def __init__(self, words: list[str]) -> None:
        context = multiprocessing.get_context("fork")
        self.pipe, there = context.Pipe()
        self.process = context.Process(target=work, args=(there, words), daemon=True)
        self.process.start()
        there.close()
        self.about = self.pipe.recv()

    def chunk(self) -> dict[str, float]:
        """A chunk's processor time and page faults."""
        self.pipe.send(True)
        return self.pipe.recv()

    def end(self) -> None:
        """Ends the process."""
        self.pipe.send(False)
        self.process.join()


def work(pipe: Connection, words: list[str]) -> None:
    """Steps with the memory that ``vaerun train`` keeps."""
    from vaerun.execution.memory import large_blocks_kept

    with large_blocks_kept():
        steps(pipe, words)


def steps(pipe: Connection, words: list[str]) -> None:
    """Builds the run and steps as often as asked; says first what a step consists of."""
    from vaerun.config.hydra import compose
    from vaerun.execution.engine.eager import Eager
    from vaerun.experiment.build import build

    cfg, _ = compose(words)
    run = build(cfg)
    strategy, batches = run.strategy, endless(run)
    start = time.perf_counter()
    strategy.step(next(batches))
    about = {
        "batch": run.batch_size,
        "matmul_backend": run.machine.matmul_backend,
        "first_step_s": round(time.perf_counter() - start, 2),
    }
    about["flop_per_step"] = 0 if not isinstance(strategy.bound.engine, Eager) else flops(strategy, next(batches))
    pipe.send({**about, "optimizer_us": optimizer_time(strategy)})
    chunk(strategy, batches)  # memory settles
    while pipe.recv():
        pipe.send(chunk(strategy, batches))


def endless(run: Any) -> Iterator[Any]:
    """Epoch after epoch."""
    from vaerun.data.loader import Loader

    loader, epoch = Loader(run.data.train, batch_size=run.batch_size, seed=0), 0
    while True:
        yield from loader.epoch(epoch)
        epoch += 1


def chunk(strategy: Any, batches: Iterator[Any]) -> dict[str, float]:
    """``CHUNK`` seconds of steps."""
    faults, steps = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, 0
    start = time.process_time()
    while (spent := time.process_time() - start) < CHUNK:
        strategy.step(next(batches))
        steps += 1
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
    return {"us_per_step": 1e6 * spent / steps, "page_faults_per_step": faults / steps}


def flops(strategy: Any, batch: Any) -> int:
    """Of the matrix products of a step."""
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils.flop_counter import flop_registry

    class Counter(TorchDispatchMode):  # torch's own FlopCounterMode has hooks that autograd.grad refuses
        total = 0

        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            found = function(*args, **kwargs or {})
            if function.overloadpacket in flop_registry:
                self.total += flop_registry[function.overloadpacket](*args, **kwargs or {}, out_val=found)
            return found

    with Counter() as counter:
        strategy.step(batch)
    return counter.total


def optimizer_time(strategy: Any) -> int:
    """µs of a step of the weights, the gradients being there: the median of twenty."""
    spent = []
    for _ in range(20):
        start = time.process_time()
        strategy.optimizer.step()
        spent.append(1e6 * (time.process_time() - start))
    return round(statistics.median(spent))


def fit(found: list[dict[str, Any]], name: str, engine: str) -> tuple[float, float]:
    """(a, b) of µs a step = a + b · value, by least squares of the relative error; the knee is at a/b.

    A width enters the cost of a layer as its square, and N not at all: they have no such line, and (0, 0).
    Points where memory comes and goes at every step are a matter of their own, and left out.
    """
    points = [point for point in found if (point["quantity"], point["engine"]) == (name, engine)]
    points = [point for point in points if point["page_faults_per_step"] < FAULTS]
    if len(points) < 2 or name.startswith(("N", "width")):
        return 0.0, 0.0
    value, spent = (np.array([point[key] for point in points], float) for key in ("value", "us_per_step"))
    (fixed, slope), *_ = np.linalg.lstsq(np.stack([1 / spent, value / spent], 1), np.ones(len(spent)), rcond=None)
    return float(fixed), float(slope)


LOOKS = {"eager": ("#0072b2", "o"), "compiled": ("#d55e00", "s")}  # of Okabe and Ito's colours
INK, MUTED = "#24292e", "#656d77"


def draw(found: list[dict[str, Any]], path: Path) -> None:
    """A panel a quantity."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = [name for name in QUANTITIES if any(point["quantity"] == name for point in found)]
    plt.rcParams.update({"font.size": 9.5, "axes.edgecolor": MUTED, "text.color": INK, "axes.labelcolor": INK})
    rows = -(-len(names) // 3)
    figure, grid = plt.subplots(rows, min(3, len(names)), figsize=(10, 3.1 * rows), squeeze=False, layout="constrained")
    for axes, name in zip(grid.flat, names, strict=False):
        panel(axes, name, found)
    for axes in grid.flat[len(names) :]:
        axes.set_visible(False)
    for row in grid:
        row[0].set_ylabel("µs per data point")
    figure.savefig(path, dpi=130)


def panel(axes: Any, name: str, found: list[dict[str, Any]]) -> None:
    """Both engines' lines with their range, and where the eager one's knee is."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axes.set(xscale="log", yscale="log")
    axes.set_title(QUANTITIES[name].axis, fontsize=10, color=INK)
    for engine, (colour, marker) in LOOKS.items():
        points = [point for point in found if (point["quantity"], point["engine"]) == (name, engine)]
        if not points:
            continue
        value, middle, low, high = ([p[k] for p in points] for k in ("value", "us_per_point", "low", "high"))
        axes.fill_between(value, low, high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(value, middle, color=colour, marker=marker, markersize=4, linewidth=1.6)
        above, end = engine == "eager", -1 if name == "batch" else 0
        axes.annotate(
            engine, (value[end], middle[end]), xytext=(0, 10 if above else -8), textcoords="offset points",
            ha="right" if end else "left", va="bottom" if above else "top", color=colour,
        )  # fmt: skip
        fixed, slope = fit(found, name, engine)
        if above and slope > 0:
            mark_knee(axes, name, fixed, slope, points[0]["batch"])
    shown = [point for point in found if point["quantity"] == name]
    top, bottom = max(p["high"] for p in shown), min(p["low"] for p in shown)
    room = max(2.2, (15 / (top / bottom)) ** 0.5)  # a decade at least: a flat curve is to look flat
    axes.set_ylim(bottom / room, top * room)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if top / bottom < 15 else (1,)))
    axes.yaxis.set_minor_formatter(NullFormatter())
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda at, _: short(at))
    axes.grid(color="#d9dee4", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED, which="both")
    axes.spines[["top", "right"]].set_visible(False)


def short(number: float) -> str:
    """With k for thousands and M for millions, where a number has five digits and more."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if number >= max(size, 1e4):
            return f"{number / size:g}{unit}"
    return f"{number:,.0f}"


def mark_knee(axes: Any, name: str, fixed: float, slope: float, batch: int) -> None:
    """Its asymptotes, thin, and a line where they cross: where what grows has caught up with what does not."""
    knee, ends = fixed / slope, np.array(axes.get_xlim())
    share = (lambda x: 1 / x) if name == "batch" else (lambda x: 1 / batch + 0 * x)
    for asymptote in (fixed + 0 * ends, slope * ends):
        axes.plot(ends, asymptote * share(ends), color=MUTED, linewidth=0.8, linestyle=":", zorder=1)
    axes.set_xlim(ends)
    axes.axvline(knee, color=MUTED, linewidth=0.9, linestyle="--", zorder=1)
    left = knee > (ends[0] * ends[1]) ** 0.5
    text = f" knee ≈ {float(f'{knee:.2g}'):g} "
    axes.text(
        knee, 0.98, text, transform=axes.get_xaxis_transform(), color=MUTED, va="top", ha="right" if left else "left"
    )


if __name__ == "__main__":
    main()
