"""The launcher of Hydra that ``hydra/launcher`` names, made inside the wrapper of a sweep."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from omegaconf import DictConfig

from vaerun.errors import UserError
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
        UserError: its package is not installed.
    """
    target = str(config.hydra.launcher._target_)
    option = config.hydra.runtime.choices.get("hydra/launcher")
    package = next((name for name in EXTRAS if f".{name}." in target), None)
    if package is not None and not _is_installed(f"hydra_plugins.{package}"):
        raise UserError(
            f"hydra/launcher={option} needs a package that is not installed: pip install 'vaerun[{EXTRAS[package]}]'."
        )
    if target == f"{Processes.__module__}.{Processes.__name__}":
        return Processes(n_jobs=config.hydra.launcher.get("n_jobs"))
    return make()


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False
