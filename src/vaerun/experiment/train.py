"""``vaerun train`` from Python."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from vaerun.config.check import check
from vaerun.config.error_message import explain
from vaerun.config.hydra import compose, roots
from vaerun.errors import UserError
from vaerun.experiment.fit import fit
from vaerun.experiment.load import load
from vaerun.experiment.run import Run
from vaerun.trainer.watcher import Watcher


def train(*overrides: str, seed: int = 0, directory: Path | str | None = None, watchers: Sequence[Watcher] = ()) -> Run:
    """Trains what the words say, as ``vaerun train`` would, and returns the run at its best checkpoint.

        run = vaerun.train("strategy=coordinate", "data=digits", "trainer.epochs=20", seed=0, directory="runs/a")

    A run that was interrupted in this directory is resumed; one that is finished there is only opened.

    Args:
        overrides: GROUP=OPTION and KEY=VALUE.
        seed: of everything that is drawn.
        directory: the run directory; ``runs/DATE/TIME_CHOICES`` where none is given.
        watchers: objects that are told of every step, record and validation (``vaerun.trainer.watcher.Watcher``).

    Raises:
        UserError: a word names nothing, two choices do not fit together, or the directory holds another run.
        RunError: the run failed or diverged.
        KeyboardInterrupt: it was interrupted; the state is saved.
    """
    try:
        cfg, choices = compose([*overrides, f"seed={seed}"])
    except Exception as error:
        explained = explain(error, overrides)
        if explained is None:
            raise
        raise UserError(explained[0]) from error
    check(cfg, choices, roots())
    if directory is None:
        now = datetime.now()
        named = "_".join(choices[group] for group in ("strategy", "estimator", "posterior", "objective", "data"))
        directory = Path("runs", f"{now:%Y-%m-%d}", f"{now:%H-%M-%S-%f}_{named}_seed{seed}")
    fit(cfg, choices, Path(directory), watchers=watchers)
    return load(directory)
