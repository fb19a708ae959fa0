"""MLflow: parameters, metrics by step, images and texts of a run, in a local database or on a server."""

import logging
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, final

import numpy as np

from vaerun.errors import MissingPackageError
from vaerun.image.grid import png_bytes
from vaerun.system.files import folder, refuse_odd
from vaerun.system.lock import FileLock
from vaerun.tracking.base import POSITION, Tracker
from vaerun.tracking.stored_id import store, stored

END = {"completed": "FINISHED", "failed": "FAILED", "diverged": "FAILED", "interrupted": "KILLED"}
MOST = 100  # parameters in one call of MLflow
LONGEST = 500  # characters of a parameter; some stores take no more
TRIES = 1200  # a tenth of a second each, until the other jobs of a sweep have opened the database
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # MLflow reports its use to its makers by default
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # a server that is away must not hold up the training for minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}


@final
class MLflow(Tracker):
    """Writes one MLflow run: parameters, metrics by step, images and texts as artifacts.

    Without ``tracking_uri`` and without ``MLFLOW_TRACKING_URI``, the store is ``mlflow.db`` in the run directory; for a
    job of a sweep, ``mlflow.db`` in the directory of the sweep, so that its jobs are one experiment. The run's name is
    that of its directory. A resumed run continues the same MLflow run; the records after its checkpoint are stored a
    second time, with the same values.

    Args:
        directory: the run directory.
        experiment_name: of MLflow's experiment; it is created if it does not exist.
        tracking_uri: where MLflow stores runs: the address of a server, a ``sqlite:///`` path, or ``databricks``.

    Raises:
        UserError: mlflow is not installed.
    """

    package: ClassVar[str] = "mlflow"

    def __init__(self, directory: Path, *, experiment_name: str = "vaerun", tracking_uri: str | None = None) -> None:
        if find_spec(self.package) is None:
            raise MissingPackageError("tracking=mlflow", self.package, extra=self.package)
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        from mlflow import MlflowClient

        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)
        uri = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
        home = None
        if not uri:
            home = store_of(directory)
            uri = f"sqlite:///{home / 'mlflow.db'}"
        with nullcontext() if home is None else alone(home):
            self._client: MlflowClient = MlflowClient(tracking_uri=uri)
            self._run = self._opened(directory, experiment_name, home)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        now = round(1000 * time.time())
        shown = {f"spent/{key}" if key in POSITION else key: value for key, value in values.items() if key != "step"}
        self._client.log_batch(self._run, metrics=[Metric(tag, float(v), now, step) for tag, v in shown.items()])

    def images(self, step: int, name: str, grid: np.ndarray) -> None:
        self._put(f"{name}/{step:08d}.png", png_bytes(grid))

    def text(self, name: str, markdown: str, *, step: int = 0) -> None:
        self._put(f"{name}.md", markdown.encode())

    def hparams(self, values: Mapping[str, float | str | bool]) -> None:
        from mlflow.entities import Param, RunTag

        known = self._client.get_run(self._run).data.params
        texts = {key: str(value)[:LONGEST] for key, value in values.items()}
        # MLflow keeps the first value of a parameter; a budget that has grown since becomes a tag.
        changed = [RunTag(key, text) for key, text in texts.items() if known.get(key, text) != text]
        for some in _parts([Param(key, text) for key, text in texts.items() if key not in known], MOST):
            self._client.log_batch(self._run, params=some)
        self._client.log_batch(self._run, tags=changed)

    def close(self, status: str) -> None:
        self._client.set_terminated(self._run, END[status])

    def _opened(self, directory: Path, experiment_name: str, home: Path | None) -> str:
        """The identifier of the MLflow run of this directory, which is made if the store does not have it."""
        from mlflow.exceptions import MlflowException

        path = directory / "mlflow.id"
        if (known := stored(path)) is not None:
            try:
                self._client.get_run(known)
                self._client.update_run(known, status="RUNNING")
                return known
            except MlflowException:
                pass  # another store
        experiment = self._client.get_experiment_by_name(experiment_name)
        if experiment is not None:
            identifier = experiment.experiment_id
        else:
            artifacts = None if home is None else folder(home / "mlflow").as_uri()
            identifier = self._client.create_experiment(experiment_name, artifact_location=artifacts)
        run = self._client.create_run(identifier, run_name=directory.resolve().name).info.run_id
        store(path, run)
        return str(run)

    def _put(self, name: str, content: bytes) -> None:
        """Stores an artifact under ``name``, a path."""
        parent, _, last = name.rpartition("/")
        with tempfile.TemporaryDirectory() as made:
            path = Path(made, last)
            path.write_bytes(content)
            self._client.log_artifact(self._run, str(path), parent or None)


def store_of(directory: Path) -> Path:
    """The folder of the local database: the directory of the sweep that the run is a job of, or of the run."""
    home = directory.resolve().parent
    home = home if (home / "sweep.yaml").exists() else directory.resolve()
    refuse_odd(home / "mlflow.db")
    return home


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Inside the block, no other run of the sweep makes or opens the database; MLflow does not bear two at once."""
    with FileLock(home / ".mlflow.lock") as lock:
        for _ in range(TRIES):
            if lock.acquire():
                break
            time.sleep(0.1)
        yield


def _parts(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
