"""``vaerun train`` from Python."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vaerun.config.trust import KEY, from_environment, named, trusted, trusting
from vaerun.errors import UserError
from vaerun.execution.caller import random_numbers_kept, settings_kept
from vaerun.experiment.experiment import refuse_single
from vaerun.experiment.fit import fit
from vaerun.experiment.frame import kept, refuse_word
from vaerun.experiment.load import load
from vaerun.experiment.option import composed
from vaerun.experiment.run import Run
from vaerun.system.given_folder import given_folder
from vaerun.tracking.base import Tracker
from vaerun.trainer.watcher import Watcher

if TYPE_CHECKING:
    import pandas


def train(
    *overrides: str,
    seed: int | None = None,
    directory: Path | str | None = None,
    watchers: Sequence[Watcher] = (),
    trackers: Sequence[Tracker] = (),
    trust: str | Sequence[str] | None = None,
    data: "pandas.DataFrame | None" = None,
) -> Run:
    """Trains as ``vaerun train OVERRIDES`` does, and returns the run at its best checkpoint.

        run = vaerun.train("strategy=coordinate", "data=digits", "trainer.epochs=20", seed=0, directory="runs/a")

    An interrupted run in the directory is resumed; a finished run is only loaded. A DataFrame is trained on as by
    ``data=table``, whose keys can be given:

        run = vaerun.train("model/likelihood=mixed", "data.label=kind", data=frame)

    Args:
        overrides: GROUP=OPTION and KEY=VALUE.
        seed: of all random numbers; by default ``seed=`` of the overrides, or 0.
        directory: the run directory; ``runs/DATE/TIME_CHOICES`` by default.
        watchers: objects that watch the training (``vaerun.Watcher``).
        trackers: objects that store or show its records (``vaerun.Tracker``), besides those of ``tracking=[…]``.
        trust: the packages whose classes may be built besides vaerun's, such as ``"mylab"``; by default those of
            ``VAERUN_TRUST``.
        data: a DataFrame with one row for each point. Its columns, without the index, are stored in the run directory
            as data.parquet.

    Raises:
        UserError: an option or key does not exist, choices do not fit together, or the directory holds another run.
        RunError: the run failed or diverged.
        KeyboardInterrupt: it was interrupted; the state is saved.
    """
    refuse_words(overrides, seed)
    refuse_single(watchers, trackers)
    words = [*overrides, *([] if seed is None else [f"seed={seed}"])]
    if data is not None:
        refuse_word(overrides)
        words.append("data=table")
    if directory is not None:
        directory = given_folder("directory", directory)
    names = trusted() if trust is None else named(trust)
    with trusting(names or from_environment()), settings_kept(), random_numbers_kept():
        cfg, choices = composed(words)
        if directory is None:
            now = datetime.now()
            made = "_".join(choices[group] for group in ("strategy", "estimator", "posterior", "objective", "data"))
            directory = Path("runs", f"{now:%Y-%m-%d}", f"{now:%H-%M-%S-%f}_{made}_seed{cfg.seed}")
        if data is not None:
            cfg.data.path = str(kept(data, Path(directory)))
        fit(cfg, choices, Path(directory), watchers=watchers, trackers=trackers, words=overrides)
        return load(directory)


def refuse_words(words: Sequence[str], seed: int | None) -> None:
    """Refuses words that only the command line can follow, and a seed that is given twice.

    Raises:
        UserError: which, and what takes its place.
    """
    for key in [str(word).lstrip("+").partition("=")[0] for word in words]:
        if key == "resume" or key.startswith(("hydra.run.", "hydra.sweep.")):
            raise UserError(f"{key} cannot be set from Python: give directory=DIR, where a run is resumed, too.")
        if key == KEY:
            raise UserError('trust=… cannot be a word in Python: give the keyword, trust="mylab".')
        if key == "seed" and seed is not None:
            raise UserError(f"the seed is given twice, as a word and as seed={seed}: leave one out.")
