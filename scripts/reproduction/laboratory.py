"""Runs by the command ``vaerun train``, each in a folder of its own, and what was measured at them."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import OmegaConf

from vaerun.config.hydra import compose

MEASURED = "reproduced.json"
"""What was measured at a run, beside its other files, so that nothing is measured twice."""

ALWAYS = ("execution.threads=1", "execution.device=cpu", "trainer.records.images_every=0")


class Trained(NamedTuple):
    """A run that is trained as far as the budget says."""

    folder: Path
    command: str  # as a reader types it
    epochs: int
    whole: int  # epochs of the paper
    seed: int
    seconds: float  # of training steps
    metrics: Mapping[str, float]  # of summary.json

    @property
    def budget(self) -> str:
        """How much of the paper's budget was used."""
        if self.epochs < self.whole:
            return f"shortened: {self.epochs} of {self.whole} epochs"
        return f"{self.epochs} epochs"

    @property
    def records(self) -> list[dict[str, float]]:
        """The lines of metrics.jsonl."""
        return [json.loads(line) for line in (self.folder / "metrics.jsonl").read_text().splitlines()]


class Laboratory:
    """Trains and measures; what is there already is taken, and a run that was interrupted goes on where it stopped.

    Args:
        folder: of all runs.
        short: whether the shortened budget of each run is used.
        data: the folder with the data, $VAERUN_DATA; None for vaerun's own choice.
        only: the experiments whose rows are asked for; none for all.
    """

    def __init__(self, folder: Path, *, short: bool, data: Path | None = None, only: Collection[str] = ()) -> None:
        self.folder, self.short, self.only = folder.resolve(), short, only
        self.environment = os.environ | {"OMP_NUM_THREADS": "1"}
        if data is not None:
            self.environment["VAERUN_DATA"] = str(data.resolve())

    def asked(self, name: str) -> bool:
        """Whether the row of an experiment is asked for."""
        return not self.only or name in self.only

    def train(
        self, name: str, *words: str, short: int | None = None, short_words: Sequence[str] = (), seed: int = 0
    ) -> Trained:
        """The run of ``experiment=NAME``.

        Args:
            name: of the experiment.
            words: further words of the command.
            short: epochs of the shortened budget; None if the run is short already.
            short_words: further words with the shortened budget.
            seed: of the run.
        """
        typed = [f"experiment={name}", *words]
        whole = self.planned(typed)
        cut = self.short and short is not None and short < whole
        epochs = short if cut and short is not None else whole
        special = [word for word in words if not word.startswith("execution.")]
        parts = [name.rpartition("/")[2], *(word.rpartition("=")[2] for word in special), f"seed{seed}"]
        if self.short and short_words:  # such a run cannot be continued to the whole budget
            typed, parts = [*typed, *short_words], [*parts, "short"]
        folder = self.folder / name.rpartition("/")[0] / "_".join(parts).replace("/", "-")
        if not enough(folder, epochs, completed=not cut):
            begun = (folder / "config.yaml").exists()
            first = [*typed, f"trainer.epochs={epochs}", f"seed={seed}", *ALWAYS, f"hydra.run.dir={folder}"]
            self.vaerun("train", *([f"resume={folder}", f"trainer.epochs={epochs}"] if begun else first))
        done = json.loads((folder / "summary.json").read_text())
        trained = int(done["epochs"])
        typed += [*([f"trainer.epochs={trained}"] if cut else []), f"seed={seed}"]
        command = f"vaerun train {' '.join(typed)}"
        return Trained(folder, command, trained, whole, seed, done["train_seconds"], done["metrics"])

    def measure(self, trained: Trained, key: str, function: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        """What ``function`` computes, or what it computed earlier at the same epoch.

        Args:
            trained: the run.
            key: the name of the measurement.
            function: computes numbers by name.
        """
        path, key = trained.folder / MEASURED, f"{key} after {trained.epochs} epochs"
        known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        if key not in known:
            begin = time.monotonic()
            known[key] = {**function(), "seconds": round(time.monotonic() - begin, 1)}
            path.write_text(json.dumps(known, indent=1))
        result: Mapping[str, Any] = known[key]
        return result

    def evaluate(self, trained: Trained, evaluation: str, *words: str, checkpoint: str = "best") -> Mapping[str, Any]:
        """The metrics of ``vaerun eval RUN evaluation=…`` by tag."""
        typed = ["eval", str(trained.folder), f"evaluation={evaluation}", *words]

        def run() -> Mapping[str, Any]:
            said = self.vaerun(*typed, "execution.threads=1", "--checkpoint", checkpoint, "--json")
            return metrics_of(json.loads(said))

        return self.measure(trained, " ".join([evaluation, *words, checkpoint]), run)

    def planned(self, words: Sequence[str]) -> int:
        """trainer.epochs of the configuration, without the budget."""
        return int(compose(words)[0].trainer.epochs)

    def vaerun(self, *words: str) -> str:
        """Standard output of the command; progress goes to this terminal.

        Raises:
            SystemExit: it failed or was interrupted; the next start goes on there.
        """
        command = [str(Path(sys.executable).with_name("vaerun")), *words]
        print("vaerun", *words, flush=True)
        ran = subprocess.run(command, env=self.environment, stdout=subprocess.PIPE, text=True, check=False)
        if ran.returncode:
            raise SystemExit(f"vaerun ended with exit code {ran.returncode}: correct it, and start this script again.")
        return ran.stdout


def enough(folder: Path, epochs: int, *, completed: bool) -> bool:
    """Whether a run is trained for so many epochs, or ended by another budget of its own.

    Args:
        folder: its directory.
        epochs: asked for.
        completed: whether it must have ended by itself; otherwise it may have been interrupted later.
    """
    path = folder / "summary.json"
    if not path.exists():
        return False
    done = json.loads(path.read_text())
    if done["status"] == "completed":
        return int(OmegaConf.load(folder / "config.yaml").trainer.epochs) >= epochs
    return not completed and bool(done["status"] == "interrupted" and done["epochs"] >= epochs)


def metrics_of(document: Any) -> dict[str, float]:
    """The metrics in the document of ``vaerun eval --json``."""
    (run,) = document
    return {tag: value for tag, value in run["metrics"].items() if value is not None}
