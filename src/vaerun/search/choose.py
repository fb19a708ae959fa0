"""The sweeper of vaerun that ``hydra/sweeper`` names."""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from hydra.core.plugins import Plugins
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from vaerun.errors import UserError, close_match
from vaerun.sweep.inner import inner_launcher
from vaerun.sweep.outcome import Outcome
from vaerun.sweep.starter import Starter
from vaerun.sweep.sweeper import HydraSweeper, Sweeper


def choosing(outcome: Outcome) -> Callable[[TaskFunction, HydraContext, DictConfig], HydraSweeper | None]:
    """The function that makes a sweeper for ``config.hydra.sweeper_wrapped``; ``outcome`` as of ``HydraSweeper``."""

    def choose(task: TaskFunction, context: HydraContext, config: DictConfig) -> HydraSweeper | None:
        settings = OmegaConf.to_container(config.hydra.sweeper, resolve=True)
        target = str(settings.pop("_target_", "")) if isinstance(settings, dict) else ""
        if not isinstance(settings, dict) or not target.startswith(f"{__package__}."):
            return None
        sweeper = made(target, {str(key): value for key, value in settings.items()})

        def configured() -> Any:
            return Plugins.instance().instantiate_launcher(hydra_context=context, task_function=task, config=config)

        path = Path(str(config.hydra.sweep.dir)).absolute()
        starter = Starter(_unwrapped(config, configured), task, context, config, path)
        return HydraSweeper(sweeper, starter, context, outcome)

    return choose


def made(target: str, settings: Mapping[str, Any]) -> Sweeper:
    """The sweeper of a class of this room.

    Args:
        target: the class.
        settings: its arguments.

    Raises:
        UserError: it is not a class of this room, or has no such setting.
    """
    module, _, name = target.rpartition(".")
    try:
        kind = getattr(import_module(module), name)
    except (ImportError, AttributeError):
        kind = None
    if not (isinstance(kind, type) and issubclass(kind, Sweeper) and kind.__module__ == module):
        raise UserError(f"hydra.sweeper._target_={target} is not a sweeper: use hydra/sweeper=optuna.")
    known = list(kind.__init__.__kwdefaults__ or {})
    for key in settings:
        if key not in known:
            hint = close_match(key, known) or f" It has {', '.join(known)}."
            raise UserError(f"hydra.sweeper.{key} does not exist.{hint}")
    made: Sweeper = kind(**settings)
    return made


def _unwrapped(config: DictConfig, configured: Callable[[], Any]) -> Any:
    """The launcher itself, without the wrapper of a sweep over all combinations."""
    vars(Plugins.instance()).pop("instantiate_launcher", None)
    return inner_launcher(config, configured)
