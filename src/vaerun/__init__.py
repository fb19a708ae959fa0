"""vaerun: a laboratory for variational inference in latent-variable models, from the command line and from Python.

    run = vaerun.train("strategy=coordinate", "data=digits", seed=0, directory="runs/a")
    run = vaerun.load("runs/a")
    q = run.infer(x)
    rows = vaerun.compare("runs")

``vaerun.Experiment`` trains objects that were made by hand. torch is imported when one of these is first used.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Experiment", "Run", "Tracker", "Watcher", "__version__", "compare", "load", "train"]

if TYPE_CHECKING:
    from vaerun.experiment.experiment import Experiment
    from vaerun.experiment.load import load
    from vaerun.experiment.run import Run
    from vaerun.experiment.train import train
    from vaerun.report.rows import compare
    from vaerun.tracking.base import Tracker
    from vaerun.trainer.watcher import Watcher

_HOMES = {
    "Experiment": "vaerun.experiment.experiment",
    "Run": "vaerun.experiment.run",
    "load": "vaerun.experiment.load",
    "train": "vaerun.experiment.train",
    "compare": "vaerun.report.rows",
    "Tracker": "vaerun.tracking.base",
    "Watcher": "vaerun.trainer.watcher",
}


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'vaerun' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
