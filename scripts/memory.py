"""How much memory a run takes, beside what it has to hold: data, weights, optimiser, Φ and one step's activations.

    python scripts/memory.py --root FOLDER          # a folder with binarized_mnist.npz; about five minutes
    python scripts/memory.py --root FOLDER --steps 2000

Every run is a process of its own, and memory is what it has for itself (RssAnon, looked at every few milliseconds):
pages of files that are mapped are the system's to take back. What Python and the libraries take is measured by the same
run on the embedded data with a net of one unit, and taken off. The activations are what autograd keeps between one pass
forward and backward.
The figures are of the training steps with their records and validation; "whole run" has the evaluation of the test
points in it too.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

MIB = 2**20
TINY = ("model.decoder.hidden=[1]", "amortizer.hidden=[1]", "model.latent_dim=1", "trainer.batch_size=2")
BURDA = ("model.decoder.hidden=[200,200]", "amortizer.hidden=[200,200]", "model.latent_dim=50")
CASES = {
    "amortized, B=100": ("strategy=amortized",),
    "amortized, B=100, K=50 (IWAE)": ("strategy=amortized", "objective=iwae", "objective.num_samples=50"),
    "coordinate, 5 inner steps": ("strategy=coordinate", "strategy.max_steps=5", "strategy.test_steps=5"),
}


def main() -> None:
    """Measures every case, and prints a line of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="folder with binarized_mnist.npz")
    parser.add_argument("--steps", type=int, default=500, help="steps of the runs that are compared with the bound")
    parser.add_argument("--growth", type=int, nargs=2, default=(200, 2000), help="steps between which nothing may grow")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker(**json.loads(options.worker))
        return
    mnist = ("data=binarized_mnist", f"data.root={options.root.resolve()}", *BURDA)
    for name, words in CASES.items():
        bare = run([*words, *TINY], steps=[options.steps])
        full = run([*words, *mnist], steps=[options.steps])
        held = full["held"]
        bound, peak = sum(held.values()), full["training_peak"] - bare["training_peak"]
        alone = full["steps_peak"] - bare["steps_peak"]
        parts = ", ".join(f"{key} {value / MIB:.1f}" for key, value in held.items())
        print(
            f"{name}: {peak / MIB:.0f} MiB above the libraries' {bare['training_peak'] / MIB:.0f}; has to hold "
            f"{bound / MIB:.0f} ({parts}): {peak / bound:.2f} times; before validation {alone / MIB:.0f} MiB, "
            f"{alone / bound:.2f} times; whole run "
            f"{(full['whole_peak'] - bare['whole_peak']) / MIB:.0f} MiB",
            flush=True,
        )
    for name in ("amortized, B=100", "coordinate, 5 inner steps"):
        grown = run([*CASES[name], "trainer.batch_size=20"], steps=options.growth)["resident"]
        sizes = " and ".join(f"{grown[str(step)] / MIB:.1f} MiB after {step} steps" for step in options.growth)
        print(f"{name}, embedded data: {sizes}", flush=True)


def run(words: list[str], *, steps: list[int] | tuple[int, ...]) -> dict[str, Any]:
    """What a worker of these overrides has measured."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        told = json.dumps({"words": [*words, f"hydra.run.dir={folder}/run"], "steps": list(steps)})
        command = [sys.executable, __file__, "--root", ".", "--worker", told]
        said = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=folder)
    if said.returncode:
        raise RuntimeError(said.stderr[-2000:])
    return json.loads(said.stdout.splitlines()[-1])


def worker(words: list[str], steps: list[int]) -> None:
    """Trains to the last of ``steps`` in this process, and prints what was resident at each and at most."""
    from vaerun import cli
    from vaerun.strategy.base import Strategy
    from vaerun.tracking.console import Console
    from vaerun.trainer.budget import Budget
    from vaerun.trainer.trainer import Trainer
    from vaerun.trainer.validation import Validation

    found: dict[str, Any] = {"resident": {}, "whole_peak": 0}
    threading.Thread(target=watch, args=[found], daemon=True).start()
    strategies: list[Strategy] = []
    fit, used_up, validate = Trainer.fit, Budget.used_up, Validation.__call__

    def watched(self: Trainer, strategy: Strategy, data: Any, **keys: Any) -> Any:
        strategies.append(strategy)
        found["batch"] = data.train.points(slice(self.batch_size))
        found["held"] = {"data": sum(split.x.nbytes for split in (data.train, data.valid, data.test))}
        training = fit(self, strategy, data, **keys)
        found["training_peak"] = found["whole_peak"]
        return training

    def on_step(self: Console, step: int) -> None:
        if step in steps:
            found["resident"][step] = resident()

    def over(self: Budget, training: Any) -> bool:
        return training.progress.step >= steps[-1] or used_up(self, training)

    def validated(self: Validation, *given: Any, **keys: Any) -> Any:
        found.setdefault("steps_peak", found["whole_peak"])
        return validate(self, *given, **keys)

    Trainer.fit, Budget.used_up, Console.step = watched, over, on_step  # type: ignore[method-assign, assignment]
    Validation.__call__ = validated  # type: ignore[method-assign]
    out = os.dup(1)
    os.dup2(2, 1)
    code = cli.dispatch(["train", "trainer.epochs=100000", *words])
    (strategy,) = strategies
    found["held"] |= held(strategy, found.pop("batch"))
    os.write(out, f"{json.dumps(found)}\n".encode())
    sys.exit(code)


def held(strategy: Any, batch: Any) -> dict[str, int]:
    """Bytes of weights, gradients and optimiser state, of Φ's rows, and of what autograd keeps within a step."""
    import torch

    weights = sum(weight.nbytes for weight in strategy.parameters())
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    own = {weight.untyped_storage().data_ptr() for weight in strategy.parameters()}
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        if strategy.per_point:
            strategy.bound(batch, strategy.bound.family.initial().repeat(len(batch), 1).requires_grad_())
        else:
            strategy.shared(batch)
    activations = sum(size for pointer, size in kept.items() if pointer not in own)
    return {
        "weights": weights,
        "gradients and Adam": 3 * weights,
        "Φ": sum(buffer.nbytes for buffer in strategy.buffers()),
        "activations": activations,
    }


def watch(found: dict[str, Any]) -> None:
    """Keeps the most that was resident."""
    while True:
        found["whole_peak"] = max(found["whole_peak"], resident())
        time.sleep(0.002)


def resident() -> int:
    """Bytes of memory that this process has for itself, as Linux tells it."""
    match = re.search(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert match
    return 1024 * int(match[1])


if __name__ == "__main__":
    main()
