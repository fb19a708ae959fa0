"""The launcher of Hydra that ``hydra/launcher`` names, made inside the wrapper of a sweep."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from omegaconf import DictConfig

from vaerun.errors import MissingPackageError, UserError
from vaerun.sweep.processes import Processes

EXTRAS = {
    "hydra_joblib_launcher": "parallel",
    "hydra_submitit_launcher": "slurm",
    "hydra_ray_launcher": "ray",
}
"""Packages of launchers, and the extra of vaerun that installs each."""


def inner_launcher(config: DictConfig, make: Callable[[], Any]) -> Any:
    """The launcher that the configuration names.

    Args:
        config: of the sweep.
        make: makes a launcher that is a plugin of Hydra.

    Raises:
        UserError: its package is not installed, or n_jobs is no number of jobs.
    """
    target = str(config.hydra.launcher._target_)
    option = config.hydra.runtime.choices.get("hydra/launcher")
    package = next((name for name in EXTRAS if f".{name}." in target), None)
    if package is not None and not _is_installed(f"hydra_plugins.{package}"):
        raise MissingPackageError(f"hydra/launcher={option}", package, extra=EXTRAS[package])
    _check_n_jobs(config.hydra.launcher.get("n_jobs"))
    if target == f"{Processes.__module__}.{Processes.__name__}":
        return Processes()
    return make()


def _check_n_jobs(value: object) -> None:
    """-1 is one job per core, as joblib means it; None too."""
    if value is not None and (type(value) is not int or not (value >= 1 or value == -1)):
        raise UserError(
            f"hydra.launcher.n_jobs must be a whole number of at least 1, or -1 for one job per core, got {value!r}: "
            f"write, for example, hydra.launcher.n_jobs=2."
        )


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False
