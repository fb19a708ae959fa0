"""All calls of Hydra, for Hydra 1.3 and 1.4."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hydra
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, _utils

from vaerun.config import first_composition, known_choices
from vaerun.config.folders import PACKAGE, own_directory, roots, user_directory
from vaerun.config.hydra_guard import FileConfigSource, ImportlibResourcesConfigSource, check_hydra_node
from vaerun.config.logging_guard import write_through_no_link
from vaerun.config.several import SEVERAL
from vaerun.config.yaml_file import OMEGACONF_LOADER, omegaconf_loader

LOAD = ConfigLoaderImpl.load_configuration
CONFIG = "config"
V14 = "execution_whitelist" in inspect.signature(hydra.main).parameters
LEVEL: dict[str, Any] = {} if V14 else {"version_base": "1.3"}  # before Hydra 1.4 a missing version is only a warning


class UserConfigs(SearchPathPlugin):
    """Adds the user's configurations to Hydra's search path: ``$VAERUN_CONF``, or ``./conf`` if it exists."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        directory = user_directory()
        if directory is not None:
            search_path.append(provider="vaerun-user", path=f"file://{directory}")


def prepare() -> None:
    """Registers the plugin, the resolver and the checks of files, and stops Hydra from printing errors itself.

    Hydra's files are read by the C parser of YAML from now on: OmegaConf asks for its loader at each file.
    """
    if OMEGACONF_LOADER is not None:
        _utils.get_yaml_loader = omegaconf_loader
    Plugins.instance().register(UserConfigs)
    register: Any = getattr(OmegaConf, "register_resolver" if V14 else "register_new_resolver")
    register("vaerun.choices", _choices_in_a_name, replace=True)
    SourcesRegistry.instance().types |= {"file": FileConfigSource, "pkg": ImportlibResourcesConfigSource}
    known_choices.prepare()
    ConfigLoaderImpl.load_configuration = _load_configuration  # type: ignore[method-assign,assignment]
    printing: Any = JobReturn.return_value
    JobReturn.return_value = property(_return_value, printing.fset)  # type: ignore


def prefer_own_settings() -> None:
    """Removes the settings that plugins register for launchers and sweepers of which vaerun has settings of its own.

    Hydra would otherwise validate vaerun's by them, with a warning at every composition.
    """
    for group in ("launcher", "sweeper"):
        registered = ConfigStore.instance().repo.get("hydra", {}).get(group, {})
        for path in (own_directory() / "hydra" / group).glob("*.yaml"):
            registered.pop(path.name, None)


@contextmanager
def launcher_wrapped(wrap: Callable[[Callable[[], Any], Any, Any, DictConfig], Any]) -> Iterator[None]:
    """Lets ``wrap`` make the launcher of the next sweep.

    Args:
        wrap: (a function that makes the configured launcher, task, Hydra's context, configuration) ↦ a launcher.
    """
    plugins = Plugins.instance()

    def instantiate_launcher(hydra_context: Any, task_function: Any, config: DictConfig) -> Any:
        vars(plugins).pop("instantiate_launcher", None)  # launchers send the plugins to other processes

        def configured() -> Any:
            return plugins.instantiate_launcher(hydra_context, task_function, config)

        return wrap(configured, task_function, hydra_context, config)

    setattr(plugins, "instantiate_launcher", instantiate_launcher)  # noqa: B010 - a method of one instance
    try:
        yield
    finally:
        vars(plugins).pop("instantiate_launcher", None)


@contextmanager
def sweeper_wrapped(choose: Callable[[Any, Any, DictConfig], Any]) -> Iterator[None]:
    """Lets ``choose`` make the sweeper of the next sweep.

    Args:
        choose: (task, Hydra's context, configuration) ↦ an object with ``sweep(arguments)``, or None for the sweeper
            of Hydra that the configuration names.
    """
    plugins = Plugins.instance()

    def instantiate_sweeper(hydra_context: Any, task_function: Any, config: DictConfig) -> Any:
        vars(plugins).pop("instantiate_sweeper", None)  # launchers send the plugins to other processes
        return choose(task_function, hydra_context, config) or plugins.instantiate_sweeper(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    setattr(plugins, "instantiate_sweeper", instantiate_sweeper)  # noqa: B010 - a method of one instance
    try:
        yield
    finally:
        vars(plugins).pop("instantiate_sweeper", None)


def run(task: Callable[[DictConfig], Any]) -> Any:
    """``hydra.main`` with vaerun's configurations, for the installed version of Hydra.

    Hydra leaves its configuration behind if it only shows one; what this process composes later would be searched for
    in the folders of that one.
    """
    holder = HydraConfig.instance()
    held = holder.cfg
    try:
        return hydra.main(config_path=f"pkg://{PACKAGE}", config_name=CONFIG, **LEVEL)(task)()
    finally:
        holder.cfg = held


def choices() -> dict[str, str]:
    """The chosen option of each group in the present job."""
    return chosen(HydraConfig.get().runtime.choices)


def chosen(runtime_choices: Mapping[str, Any]) -> dict[str, str]:
    """Hydra's choices for vaerun's groups that have one option; the nodes of other groups name their options."""
    return {
        group: str(option)
        for group, option in runtime_choices.items()
        if option is not None and not group.startswith("hydra/") and group not in SEVERAL
    }


def sources(runtime: Any = None) -> list[Path]:
    """The configuration directories of a job, in search order.

    Args:
        runtime: the node hydra.runtime of the job; by default that of the present job.
    """
    found = []
    for source in (HydraConfig.get().runtime if runtime is None else runtime).config_sources:
        if source.schema == "file":
            found.append(Path(source.path))
        elif source.schema == "pkg" and source.path == PACKAGE:
            found.append(own_directory())
    return found


def searched() -> list[Path]:
    """The configuration directories of the present job, or of vaerun and the user outside of a job."""
    return sources() if HydraConfig.initialized() else roots()


def searching(*directories: Path) -> str:
    """The override that adds directories to the search path; a path may have any characters."""
    escaped = (str(path).replace("\\", "\\\\").replace("'", "\\'") for path in directories)
    return "hydra.searchpath=[" + ",".join(f"'file://{path}'" for path in escaped) + "]"


def is_sweep() -> bool:
    """Whether the present job belongs to a sweep."""
    return bool(HydraConfig.get().mode == RunMode.MULTIRUN)


def compose(overrides: Sequence[str] = (), config_dir: Path | None = None) -> tuple[DictConfig, dict[str, str]]:
    """The configuration of ``vaerun train OVERRIDES`` without the hydra node, and its choices.

    Inside a job it also uses the configuration directories of the job.
    """
    prepare()
    directories = [config_dir] if config_dir is not None else []
    if HydraConfig.initialized():
        directories += [path for path in sources() if path not in roots()]
    extra = [searching(*directories)] if directories else []
    with _alone(), hydra.initialize_config_module(PACKAGE, job_name="vaerun", **LEVEL):
        config = hydra.compose(CONFIG, overrides=[*extra, *overrides], return_hydra_config=True)
    made = chosen(config.hydra.runtime.choices)
    OmegaConf.set_struct(config, False)
    del config["hydra"]
    return config, made


@contextmanager
def _alone() -> Iterator[None]:
    """Resets Hydra's global state for a moment, because a process has only one, and restores it."""
    holder = GlobalHydra.instance()
    held = holder.hydra
    holder.clear()
    try:
        yield
    finally:
        holder.clear()
        holder.hydra = held


def _choices_in_a_name(*groups: str, _root_: DictConfig) -> str:
    """The chosen options of ``groups`` as part of a file name; slashes are replaced."""
    made = _root_.hydra.runtime.choices
    return "_".join(str(made.get(group)).replace("/", "-") for group in groups)


def _load_configuration(
    self: ConfigLoaderImpl, config_name: str | None, overrides: list[str], run_mode: RunMode, **keys: Any
) -> DictConfig:
    """Hydra's own, and a check before Hydra builds what the configuration names."""
    first = first_composition.take(self, config_name, overrides) if run_mode == RunMode.RUN else None
    if first is not None:  # checked already
        return first
    asks_for_the_mode = run_mode == RunMode.MULTIRUN and not keys.get("validate_sweep_overrides", True)
    try:
        config = LOAD(self, config_name, overrides, run_mode, **keys)
        check_hydra_node(config, overrides)
        write_through_no_link(config)
    except Exception as error:
        if asks_for_the_mode:
            first_composition.keep(self, config_name, overrides, error)
        raise
    if asks_for_the_mode:
        first_composition.keep(self, config_name, overrides, config)
    return config


def _return_value(self: JobReturn) -> Any:
    if self.status == JobStatus.FAILED:
        raise self._return_value
    return self._return_value
