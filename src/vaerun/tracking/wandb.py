"""Weights & Biases: configuration, metrics by step, images and texts of a run; nothing is sent in its offline mode."""

import html
import os
import uuid
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Literal, final

import numpy as np

from vaerun.errors import MissingPackageError, UserError
from vaerun.system.files import folder
from vaerun.tracking.base import POSITION, Tracker
from vaerun.tracking.stored_id import store, stored

EXIT = {"completed": 0, "interrupted": 130}


@final
class Wandb(Tracker):
    """Writes one run of Weights & Biases. Its files are in the folder ``wandb`` of the run directory.

    ``mode=offline`` sends nothing; ``wandb sync RUN_DIR/wandb/offline-run-*`` sends the files later. The run's name is
    that of its directory, and its group that of the directory above, so that the jobs of a sweep are one group. A
    resumed run continues the same run; the records after its checkpoint are stored a second time, with the same values.
    The x axis of every curve is ``step``. Of the machine, the code and the console, nothing is recorded.

    Args:
        directory: the run directory.
        project: of Weights & Biases; it is created if it does not exist.
        entity: a user or a team; None for ``WANDB_ENTITY``, or the default of the account.
        mode: ``online``, ``offline`` or ``disabled``; None for ``WANDB_MODE``, or ``online``.

    Raises:
        UserError: wandb is not installed, or the account is not known on this machine.
    """

    package: ClassVar[str] = "wandb"

    def __init__(
        self,
        directory: Path,
        *,
        project: str = "vaerun",
        entity: str | None = None,
        mode: Literal["online", "offline", "disabled"] | None = None,
    ) -> None:
        if find_spec(self.package) is None:
            raise MissingPackageError("tracking=wandb", self.package, extra=self.package)
        place = folder(directory / "wandb")
        # What wandb writes besides the run; by default, it would be in the home directory.
        for name, value in (("WANDB_CACHE_DIR", place), ("WANDB_DATA_DIR", place), ("WANDB_ERROR_REPORTING", "false")):
            os.environ.setdefault(name, str(value))
        import wandb

        self._wandb: Any = wandb
        path = directory / "wandb.id"
        identifier = stored(path) or uuid.uuid4().hex[:16]
        whole = directory.resolve()
        settings = wandb.Settings(
            console="off",
            silent=True,
            disable_code=True,
            disable_git=True,
            x_disable_meta=True,
            x_disable_stats=True,
            x_disable_machine_info=True,
            x_save_requirements=False,
        )
        try:
            self._run: Any = wandb.init(
                project=project,
                entity=entity,
                mode=mode,
                id=identifier,
                name=whole.name,
                group=whole.parent.name,
                resume="allow",
                dir=str(directory),
                settings=settings,
                reinit="create_new",
            )
        except wandb.errors.UsageError as error:
            if "api key" not in str(error).lower().replace("_", " "):
                raise
            raise UserError(
                "tracking=wandb needs an account: run wandb login, set WANDB_API_KEY, or use "
                "tracking.wandb.mode=offline, which sends nothing."
            ) from error
        store(path, identifier)
        self._run.define_metric("*", step_metric="step")

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        shown = {f"spent/{key}" if key in POSITION else key: value for key, value in values.items() if key != "step"}
        self._run.log({"step": step, **shown})

    def images(self, step: int, name: str, grid: np.ndarray) -> None:
        self._run.log({"step": step, name: self._wandb.Image(grid)})

    def text(self, name: str, markdown: str, *, step: int = 0) -> None:
        self._run.log({"step": step, name: self._wandb.Html(f"<pre>{html.escape(markdown)}</pre>")})

    def hparams(self, values: Mapping[str, float | str | bool]) -> None:
        self._run.config.update(dict(values), allow_val_change=True)

    def close(self, status: str) -> None:
        self._run.finish(exit_code=EXIT.get(status, 1))
