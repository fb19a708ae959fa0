"""The options to check: those of conf/ and the user's own that the command line selects."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from omegaconf import OmegaConf

from vaerun.config.admission import BASES, TARGET, admitted
from vaerun.config.catalogue import Catalogue, Option
from vaerun.config.check.pairs import check_pairs, clashes, swap
from vaerun.config.check.parts import Part
from vaerun.config.check.values import check_ranges, check_types
from vaerun.config.with_slash import with_slash
from vaerun.errors import UserError, close_match

SMALL: Mapping[str, Mapping[str, Any]] = {
    "posterior": {"num_classes": 2, "rank": 1, "context": 4, "hidden": 8},
    "estimator": {"hidden": 8},
    "estimator/baseline": {"hidden": 8},
    "model/decoder": {"hidden": []},
}
"""Values that replace defaults, because z has one or two coordinates only."""

Choices = dict[str, str]


class Offer:
    """All options under some configuration directories, and the selected ones.

    Args:
        catalogue: the options.
        chosen: the selected option by group; of other groups all options are selected.
        keys: values for keys, by group; they override the YAML files.

    Raises:
        UserError: a group, option or key does not exist, or the choices do not fit together.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        chosen: Mapping[str, str] | None = None,
        keys: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.catalogue, self.chosen, self.keys = catalogue, chosen or {}, keys or {}
        self.default = default_parts(catalogue)
        self._begun: dict[tuple[tuple[str, str], ...], dict[str, Part]] = {}
        for group, name in self.chosen.items():
            known = catalogue.groups.get(group)
            if known is None:
                near = close_match(group, catalogue.groups)
                raise UserError(f"{group!r} is not a group.{near} The groups are {', '.join(catalogue.groups)}.")
            if name not in known:
                raise UserError(
                    f"{group}={name} does not exist.{close_match(name, known)} The options are {', '.join(known)}."
                )
            if known[name].info is None:
                raise UserError(f"the class of {group}={name} cannot be found: see _target_ in {known[name].path}.")
        for group in BASES.keys() & catalogue.groups.keys():
            for name in self.names(group):
                admitted(group, catalogue.groups[group][name].content.get(TARGET))
        self._refuse_homeless_groups()
        if self.chosen:
            check_pairs(self._pairable(), catalogue)
        self._refuse_unknown_keys()
        for group, values in self.keys.items():
            option = catalogue.groups[group][self.chosen[group]]
            if option.info is not None:
                part = Part(group, option.name, option.info, values)
                check_types(part)
                check_ranges(part)

    def names(self, group: str) -> list[str]:
        """The selected options of a group, in alphabetical order."""
        known = self.catalogue.groups.get(group, {})
        if group in self.chosen:
            return [self.chosen[group]]
        return [name for name, option in known.items() if option.info is not None]

    def variants(self, group: str) -> Iterator[Choices]:
        """Every selected option of a group with every choice in its nested groups: {"estimator": "score", …}."""
        for name in self.names(group):
            nested = [inner.strip("/") for inner in self.catalogue.groups[group][name].nested()]
            if any(other.startswith(f"{group}/") and other not in nested for other in self.chosen):
                continue  # it does not have the selected nested option
            for inner in itertools.product(*(self.names(other) for other in nested)):
                yield {group: name, **dict(zip(nested, inner, strict=True))}

    def parts(self, choices: Mapping[str, str]) -> dict[str, Part] | None:
        """The parts of a run with these choices and what they set; None if they do not fit together."""
        if "model" in choices:  # a law's own model, which may have no place for what the user has chosen
            home = {group.strip("/") for group in self.catalogue.groups["model"][choices["model"]].nested()}
            inside = {"/".join(group.split("/")[:2]) for group in self.chosen if group.startswith("model/")}
            if not inside <= home:
                return None
        wanted = {**choices, **{g: n for g, n in self.chosen.items() if g.startswith("model")}}
        order = sorted(wanted, key=lambda group: (group.startswith("model"), group))
        parts = self._with(tuple((group, wanted[group]) for group in order))
        return None if any(clashes(parts)) else parts

    def _with(self, wanted: tuple[tuple[str, str], ...]) -> dict[str, Part]:
        """The defaults with these choices put in one after another.

        Thousands of combinations are asked for that begin alike, so what all but the last choice give is kept.
        """
        if not wanted:
            return self.default
        *before, last = wanted
        begun = tuple(before)
        if begun not in self._begun:
            self._begun[begun] = self._with(begun)
        parts, option = self._begun[begun], self.catalogue.option(*last)
        return parts if option is None else swap(parts, option, self.catalogue)

    def configuration(self, parts: Mapping[str, Part], **more: Mapping[str, Any]) -> dict[str, Any]:
        """The resolved nodes of these parts: the values of YAML files, overridden by small values, keys and ``more``.

        Args:
            parts: the choices.
            more: values by group, with ``__`` for a slash.
        """
        config: dict[str, Any] = {}
        for group in sorted(parts):
            parent, _, last = group.rpartition("/")
            if last in more.get(parent.replace("/", "__"), {}):
                continue
            holder = config
            for word in parent.split("/") if parent else ():
                holder = holder[word]
            values = {**parts[group].node}
            values |= {key: like(values[key], value) for key, value in SMALL.get(group, {}).items() if key in values}
            values |= {**self.keys.get(group, {}), **more.get(group.replace("/", "__"), {})}
            holder[last] = {key: value for key, value in values.items() if key != "defaults"}
        return OmegaConf.to_container(OmegaConf.create(config), resolve=True)  # type: ignore[return-value]

    def _pairable(self) -> dict[str, Part]:
        """The parts of the selected choices, completed so that all fit together; if nothing fits, the defaults."""
        nouns = [group for group in ("posterior", "objective", "estimator") if group not in self.chosen]
        for combination in itertools.product(*(self.names(group) for group in nouns)):
            parts = self.parts({**self.chosen, **dict(zip(nouns, combination, strict=True))})
            if parts is not None:
                return parts
        parts = self.default
        for group in sorted(self.chosen, key=lambda group: (group.startswith("model"), group)):
            parts = swap(parts, self.catalogue.groups[group][self.chosen[group]], self.catalogue)
        return parts

    def _refuse_homeless_groups(self) -> None:
        """Refuses a choice in a nested group if the chosen option does not have that group."""
        for group in self.chosen:
            parent = group.rpartition("/")[0]
            if parent not in self.chosen:
                continue
            holders = [
                name
                for name, option in self.catalogue.groups[parent].items()
                if group in [inner.strip("/") for inner in option.nested()]
            ]
            if holders and self.chosen[parent] not in holders:
                raise UserError(
                    f"{parent}={self.chosen[parent]} has no group {group}: use {parent}={' or '.join(holders)}."
                )

    def _refuse_unknown_keys(self) -> None:
        for group, values in self.keys.items():
            for key, value in values.items():
                if (nested := f"{group}/{key}") in self.catalogue.groups and not isinstance(value, Mapping):
                    raise UserError(with_slash(nested.replace("/", "."), value, self.catalogue.groups[nested]))
            options = [self.catalogue.groups[group][name] for name in self.names(group) if group in self.chosen]
            facts = [option.info for option in options if option.info is not None]
            if not facts:
                raise UserError(f"{group} has keys but no option: give {group}=OPTION, too.")
            for key in values:
                if key not in facts[0].parameters and not facts[0].accepts_any:
                    near = close_match(key, facts[0].parameters)
                    raise UserError(f"{group.replace('/', '.')}.{key} is not a key of {group}={options[0].name}.{near}")


def like(usual: Any, value: Any) -> Any:
    """A small value of the type of the default: a list for the widths of a network, a number for one layer."""
    return [value] if isinstance(usual, list) and not isinstance(value, list) else value


def default_parts(catalogue: Catalogue) -> dict[str, Part]:
    """The parts of a run with default choices."""
    parts: dict[str, Part] = {}
    for group, name in catalogue.nouns.items():
        option: Option | None = catalogue.option(group, name)
        if option is not None and option.info is not None:
            parts[group] = Part(group, name, option.info, option.content)
            parts = swap(parts, option, catalogue)
    return parts


def spoken(choices: Sequence[str] | Mapping[str, str]) -> str:
    """Choices as a method's name: score/leave_one_out."""
    return "/".join(choices.values() if isinstance(choices, Mapping) else choices)
