"""Programs that are measured as a whole: python -m bench.command first_step | run | bare_loop | shares | products.

`shares` takes further words of `vaerun train`: python -m bench.command shares strategy=joint.
"""

import contextlib
import functools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

EPOCHS = 72  # 1,008 steps of the embedded data
SHAPES = ((1024, 1024, 1024), (100, 784, 200), (512, 784, 200))


def main() -> None:
    """Runs one of them."""
    programs = {"first_step": first_step, "run": run, "bare_loop": bare_loop, "shares": shares, "products": products}
    programs[sys.argv[1]]()


def words(epochs: int | None = None) -> list[str]:
    """A default run, or a shorter one, in a folder of its own."""
    length = [] if epochs is None else [f"trainer.epochs={epochs}"]
    return ["execution.threads=1", *length, f"hydra.run.dir={tempfile.mkdtemp(dir='.')}"]


def first_step() -> None:
    """``vaerun train`` until its first step is done."""
    from vaerun import cli
    from vaerun.tracking.console import Console

    Console.step = lambda self, step: os._exit(0)
    sys.exit(cli.dispatch(["train", *words(1)]))


def run() -> None:
    """``vaerun train`` of a thousand steps."""
    from vaerun import cli

    sys.exit(cli.dispatch(["train", *words(EPOCHS)]))


def bare_loop() -> None:
    """The same objects and steps, without a session around them."""
    from vaerun.config.hydra import compose
    from vaerun.data.loader import Loader
    from vaerun.experiment.build import build

    cfg, _ = compose(words(EPOCHS))
    built = build(cfg)
    loader = Loader(built.data.train, batch_size=built.batch_size, seed=0)
    for epoch in range(EPOCHS):
        for batch in loader.epoch(epoch):
            built.strategy.step(batch)


def shares() -> None:
    """Processor seconds of a default run by what they were spent on, from the start of Python on, as JSON.

    The words after the name of the program are added to the run.
    """
    from vaerun import cli
    from vaerun.experiment.experiment import Experiment
    from vaerun.experiment.observers import ImageWriter, Observers
    from vaerun.strategy.amortized import Amortized
    from vaerun.strategy.coordinate import Coordinate
    from vaerun.strategy.joint import Joint
    from vaerun.tracking.console import Console
    from vaerun.tracking.jsonl import Jsonl
    from vaerun.tracking.tensorboard import TensorBoard
    from vaerun.trainer.checkpoint_writer import CheckpointWriter
    from vaerun.trainer.running_means import RunningMeans
    from vaerun.trainer.trainer import Trainer
    from vaerun.trainer.training import Training
    from vaerun.trainer.validation import Validation

    spent: dict[str, float] = {}
    inner: list[float] = []
    for owner, method, name in (
        (Trainer, "fit", "batches and the rest"),
        (Amortized, "step", "steps"),
        (Joint, "step", "steps"),
        (Coordinate, "step", "steps"),
        (RunningMeans, "add", "sums of each step"),
        (Training, "record", "records"),
        (CheckpointWriter, "save", "checkpoints"),
        (Validation, "__call__", "evaluation"),
        (Experiment, "test", "evaluation"),
        (Observers, "conclude", "evaluation"),
        (ImageWriter, "on_epoch_end", "images"),
        (Console, "step", "progress"),
        (Console, "scalars", "console"),
        (Jsonl, "scalars", "metrics.jsonl"),
        (TensorBoard, "scalars", "TensorBoard"),
    ):
        setattr(owner, method, timed(getattr(owner, method), name, spent, inner))
    out = os.dup(1)
    os.dup2(2, 1)
    code = cli.dispatch(["train", *words(), *sys.argv[2:]])
    spent["start and end"] = time.process_time() - sum(spent.values())
    os.write(out, f"{json.dumps(spent)}\n".encode())
    sys.exit(code)


def products() -> None:
    """Matrix-multiply rates of torch, its oneDNN and JAX at the shapes of a step, in GFLOP/s, as JSON.

    Torch's own library is chosen by the maker of the processor and may leave half its vector units idle; a ratio
    between libraries says more about that than about either's Python.
    """
    import torch

    found: dict[str, dict[str, float]] = {}
    jax = None
    with contextlib.suppress(ImportError):
        import jax
    for shape in SHAPES:
        m, k, n = shape
        a, b = torch.randn(m, k), torch.randn(k, n)
        product = functools.partial(torch.mm, a, b)
        rates = {"torch": rate(product, 2 * m * k * n)}
        with contextlib.suppress(AttributeError, RuntimeError):
            torch.backends.mkldnn.matmul.fp32_precision = "bf16"  # allows it; what is computed depends on the machine
            exact = a.double() @ b.double()
            rates["torch, fp32_precision=bf16"] = rate(product, 2 * m * k * n)
            error = (product().double() - exact).square().mean() / exact.square().mean()
            rates["its relative error"] = float(error.sqrt())
            torch.backends.mkldnn.matmul.fp32_precision = "none"
        if jax is not None:
            left, right, multiply = (
                jax.numpy.asarray(a.numpy()),
                jax.numpy.asarray(b.numpy()),
                jax.jit(lambda a, b: a @ b),
            )
            rates["jax"] = rate(lambda f=multiply, a=left, b=right: f(a, b).block_until_ready(), 2 * m * k * n)
        found["x".join(map(str, shape))] = rates
    print(json.dumps(found))


def rate(work: Callable[[], Any], flops: int) -> float:
    """The best of some repeats, in GFLOP per second of processor time."""
    calls = max(3, int(1e9 / flops))
    work()
    best = float("inf")
    for _ in range(7):
        start = time.process_time()
        for _ in range(calls):
            work()
        best = min(best, time.process_time() - start)
    return flops * calls / best / 1e9


def timed(function: Callable[..., Any], name: str, spent: dict[str, float], inner: list[float]) -> Callable[..., Any]:
    """``function``, its processor seconds added to ``spent[name]``, without those of timed ones that it calls."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        inner.append(0.0)
        start = time.process_time()
        try:
            return function(*args, **kwargs)
        finally:
            whole = time.process_time() - start
            spent[name] = spent.get(name, 0.0) + whole - inner.pop()
            if inner:
                inner[-1] += whole

    return wrapped


if __name__ == "__main__":
    main()
