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
    """Trains as ``vaerun train OVERRIDES`` does, and returns the run at its best checkpoint.

        run = vaerun.train("strategy=coordinate", "data=digits", "trainer.epochs=20", seed=0, directory="runs/a")

    An interrupted run in the directory is resumed; a finished run is only loaded.

    Args:
        overrides: GROUP=OPTION and KEY=VALUE.
        seed: of all random numbers.
        directory: the run directory; ``runs/DATE/TIME_CHOICES`` by default.
        watchers: objects that watch the training (``vaerun.Watcher``).

    Raises:
        UserError: an option or key does not exist, choices do not fit together, or the directory holds another run.
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
