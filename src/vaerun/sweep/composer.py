"""Composes every job once: Hydra's sweeper composes each to validate it, and the sweep needs the same result."""

from collections.abc import Sequence

from hydra.core.config_loader import ConfigLoader
from hydra.errors import ConfigCompositionException, MissingConfigException
from omegaconf import DictConfig


class Composer:
    """Takes the place of ``load_sweep_config`` of Hydra's loader until ``leave`` is called.

    A combination that cannot be composed is kept as its error, so that all of them can be listed. A name that does
    not exist is raised at once: it is a typo and not a combination.

    Args:
        loader: Hydra's loader of configurations.
    """

    def __init__(self, loader: ConfigLoader) -> None:
        self.loader, self.compose = loader, loader.load_sweep_config
        self.kept: dict[tuple[str, ...], DictConfig | ConfigCompositionException] = {}
        setattr(loader, "load_sweep_config", self)  # noqa: B010 - a method of one instance

    def __call__(
        self, master_config: DictConfig, sweep_overrides: Sequence[str]
    ) -> DictConfig | ConfigCompositionException:
        key = tuple(sweep_overrides)
        if key not in self.kept:
            try:
                self.kept[key] = self.compose(master_config, list(sweep_overrides))
            except MissingConfigException:
                raise
            except ConfigCompositionException as error:
                self.kept[key] = error
        return self.kept[key]

    def leave(self) -> None:
        """Gives the loader its own method back, because launchers send the loader to other processes."""
        vars(self.loader).pop("load_sweep_config", None)
        self.kept.clear()
