"""The best configuration of a search, as an experiment that can be trained again."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser

from vaerun.config import hydra
from vaerun.search.space import Space
from vaerun.sweep.job import fingerprint
from vaerun.sweep.runner import CheckedComposer
from vaerun.system.files import folder
from vaerun.system.whole_file import write

if TYPE_CHECKING:
    import optuna

NAME = "best"
GROUP = "experiment"
FILE = Path("conf") / GROUP / f"{NAME}.yaml"


def write_best(directory: Path, study: "optuna.Study", space: Space, compose: CheckedComposer) -> Path | None:
    """Writes the configuration of the best trial as an experiment; returns its folder of configurations.

    Args:
        directory: of the sweep.
        study: of optuna. Of a Pareto front, the trial that is best in the first objective is written.
        space: what was searched.
        compose: composes the trial again, for comparison.

    Returns:
        None if no trial is completed, or if a file cannot give the same configuration.
    """
    from vaerun.search.record import pareto

    numbers = pareto(study)
    if not numbers:
        return None
    trial = study.trials[numbers[0]]
    words = [word for word in space.words(trial.params) if not word.lstrip("+~/").startswith("hydra")]
    comment = f"# Trial {trial.number} of a search: {', '.join(f'{value:g}' for value in trial.values)}\n"
    text = f"# @package _global_\n{comment}{yaml.safe_dump(delta(words, compose.loader), sort_keys=False)}"
    place = directory / FILE
    folder(directory / "conf")
    folder(place.parent)
    write(place, text.encode())
    made, _ = hydra.compose([hydra.searching(directory / "conf"), f"{GROUP}={NAME}"])
    wanted = compose.composed(space.words(trial.params))
    if fingerprint(plain(made)) != fingerprint(plain(wanted)):
        place.unlink()
        return None
    return directory / "conf"


def delta(words: Sequence[str], loader: Any) -> dict[str, Any]:
    """The content of the experiment: chosen options as its defaults, and the other keys.

    Args:
        words: overrides of one job.
        loader: Hydra's loader of configurations, which knows the groups.
    """
    included: list[Any] = []
    options: list[Any] = []
    keys: dict[str, Any] = {}
    for one in OverridesParser.create().parse_overrides(list(words)):
        value = one.value()
        if one.key_or_group == GROUP:
            included += [] if value is None else [f"/{GROUP}/{value}"]
        elif loader.get_group_options(one.key_or_group):
            group = f"/{one.key_or_group}" + (f"@{one.package}" if one.package else "")
            options.append({group if one.is_add() else f"override {group}": value})
        else:
            *parents, last = one.key_or_group.split(".")
            node = keys
            for part in parents:
                node = node.setdefault(part, {})
            node[last] = _plain(one.get_value_element_as_str())
    return {"defaults": [*included, *options, "_self_"], **keys}


def plain(config: Any) -> dict[str, Any]:
    """A composed configuration as plain values, with its references resolved."""
    from omegaconf import OmegaConf

    own = {key: config[key] for key in config if key not in ("hydra", "choices", "resume")}
    content: Any = OmegaConf.to_container(OmegaConf.create(own), resolve=True)
    return dict(content)


def _plain(text: str) -> Any:
    """The value of an override as OmegaConf has it."""
    from omegaconf import OmegaConf

    value = OverridesParser.create().parse_override(f"key={text}").value()
    made: Any = OmegaConf.to_container(OmegaConf.create({"key": value}), resolve=False)
    return made["key"]
