"""Sentences about choices and keys that do not exist, and about configurations that Hydra cannot compose."""

import re
from collections.abc import Sequence
from pathlib import Path

from hydra.errors import MissingConfigException
from omegaconf import OmegaConf

from vaerun.config import hydra
from vaerun.config.catalogue import EXPERIMENT, Catalogue, Option
from vaerun.config.check import check
from vaerun.config.defaults import flatten
from vaerun.config.folders import own_directory, user_directory
from vaerun.config.several import SEVERAL
from vaerun.config.with_slash import group_of, with_slash
from vaerun.config.yaml_file import load
from vaerun.errors import close_key, close_match

SHOWN = 4  # remedies in a message
TRIED = 12  # remedies that are tried for a message
READS = {".npy": "arrays", ".npz": "arrays", ".csv": "table", ".tsv": "table", ".parquet": "table", ".h5ad": "anndata"}
"""The source of data that reads a file with such an end."""

NAME = re.compile(r"([^\W\d]\w*)?$")
PLAIN = re.compile(r"null|true|false|[-+]?(\d[\d_.e+-]*|\.\d+|inf|nan)", re.IGNORECASE)  # what Hydra reads as no text


def missing_option(error: MissingConfigException, argv: Sequence[str]) -> str:
    if file := _file_as_data(argv):
        return file
    wanted = (error.missing_cfg_file or "").removesuffix(".yaml")
    group, _, option = wanted.rpartition("/")
    options = list(error.options or _catalogue(argv).groups.get(group, {}))
    if group.split("/")[0] == EXPERIMENT:
        group, _, option = wanted.partition("/")
        options = list(_catalogue(argv).experiments)
    if not options:
        name = wanted or first_line(error)
        return f"the configuration {name!r} does not exist: check --config-dir and --config-name."
    hint = close_match(option, options) or f" Choose one of {', '.join(options)}{_or_a_folder(argv)}."
    if close_match(option, options):
        hint += f" {group} can be {', '.join(options)}."
    none = f" {group}=[] chooses none." if group in SEVERAL else ""
    return f"{group}={option} does not exist.{hint}{none}"


def _or_a_folder(argv: Sequence[str]) -> str:
    """How to name the folder of the user's own options, where none is read."""
    named = any(word.startswith(("--config-dir", "-cd")) for word in argv) or user_directory() is not None
    return "" if named else "; for one of your own, name its folder in VAERUN_CONF or with --config-dir"


def _file_as_data(argv: Sequence[str]) -> str:
    """What to write where the user has given a file or a folder in place of a source of data; empty if it is none."""
    for key, _, value in (word.partition("=") for word in argv):
        path = Path(value.strip("'\""))
        name = READS.get(path.suffix.lower())
        if name is None and "/" in value and path.is_dir():
            name = "arrays" if any(path.glob("*.npy")) else "images"
        if key == "data" and name is not None:
            return f"data must be the name of a source, got {value}: use data={name} data.path={value}."
    return ""


def composition(error: BaseException, argv: Sequence[str]) -> str:
    """Hydra uses the same exception for many errors, so they are recognised by their text."""
    text = " ".join(str(error).split())
    if word := _no_list(argv):
        group = word.lstrip("+~/").partition("=")[0]
        some = ",".join(_catalogue(argv).several.get(group, ()))
        return f"{group} takes a list of options, got {word}: write {group}=[{some}], or {group}=[] for none."
    if sentence := _dotted(text, argv):
        return sentence
    if "BasicSweeper does not support sweep type" in text:
        return "interval() needs a search: add hydra/sweeper=optuna, or give the values as KEY=A,B,..."
    no_default = r"Could not override '([^']+)'\. ?No match in the defaults list"
    if match := re.search(no_default + r"|No earlier Group Default for '([^']+)'", text):
        return _no_such_group((match[1] or match[2]).lstrip("/").partition("@")[0], argv)
    if match := re.search(r"Could not (?:override|delete from config\.) '?([^' ]+?)'?(?:\. | does|$)", text):
        return _no_such_key(match[1], argv)
    if match := re.search(r"Could not append to config\. An item is already at '([^']+)'", text):
        return f"{match[1]} already exists in the configuration: leave out the +."
    if match := re.search(r"Could not append '?(\S+?)=|Multiple values for ([^. ]+)", text):
        group = match[1] or match[2]
        return f"{group} already has an option: leave out the +."
    if match := re.search(r"Override (\S+) looks like a config group override, but config group '([^']+)'", text):
        return _no_such_key(match[2], argv)
    if "Config group override must be a string" in text:
        return _no_name(argv)
    if match := re.search(r"(\S+) appears more than once in the final defaults list", text):
        return f"{match[1]} has several options, but a run takes one: leave out the + before {match[1]}=OPTION."
    if match := re.search(r"Ambiguous value for argument '([^']+)'|Sweep parameters '(.+?)' requires", text):
        return (
            f"{match[1] or match[2]} gives several values: put -m before it for a sweep, or write KEY=[A,B] for a list."
        )
    text = text.partition(" See https://")[0]
    causes = [part for part in (text.rstrip("."), first_line(error.__cause__) if error.__cause__ else "") if part]
    return f"the configuration cannot be composed: {', '.join(causes) or type(error).__name__}."


def _no_name(argv: Sequence[str]) -> str:
    """The user gives a group a value that is no text, such as null or a number."""
    catalogue = _catalogue(argv)
    for word in argv:
        key, _, value = word.lstrip("+/").partition("=")
        group = key.partition("@")[0]
        options = catalogue.experiments if group == "experiment" else catalogue.groups.get(group)
        if options and group not in SEVERAL and PLAIN.fullmatch(value):
            if value in options:
                return f"the name of an option must be text: quote it, {key}='\"{value}\"'."
            leave = f", or leave out {word}" if value == "null" else ""
            return f"{word} does not name an option: choose one of {', '.join(options)}{leave}."
    return "the name of an option must be text: quote a number, as in GROUP='\"3\"', or choose another option."


def _no_list(argv: Sequence[str]) -> str:
    """The first word that gives a group of several options something other than names; empty if there is none."""
    for word in argv:
        key, _, value = word.partition("=")
        names = [name.strip(" '\"") for name in value.strip("[]").split(",")]
        if key.lstrip("+~/") in SEVERAL and (key.startswith("~") or value == "null" or not all(map(NAME.match, names))):
            return word
    return ""


def _dotted(text: str, argv: Sequence[str]) -> str:
    """What to write where a word gives the node of a group a value that is no set of keys; empty if no word does."""
    catalogue = _catalogue(argv)
    for place, word in enumerate(argv):
        key, _, value = word.lstrip("+").partition("=")
        group = "" if word.startswith(("-", "~")) else group_of(key, catalogue.groups)
        if not group or value.startswith("{"):
            continue
        if f"Could not override '{key}'" in text:  # the group itself is not there
            return _no_such_group(group, [*argv[:place], f"{group}={value}", *argv[place + 1 :]])
        return with_slash(key, value, catalogue.groups[group])
    return ""


def _no_such_group(group: str, argv: Sequence[str]) -> str:
    """The user or an option has chosen from a group that the configuration does not have."""
    catalogue = _catalogue(argv)
    if group not in catalogue.groups:
        return f"there is no group {group}.{_near_group(group, argv, catalogue)} Run: vaerun list"
    chosen = _chosen(argv, catalogue, leaving_out=group)
    parent, _, name = group.rpartition("/")
    options = catalogue.groups.get(parent, {}).values()
    inside = [str(option) for option in options if f"/{group}" in option.nested()]
    having = _working(inside, parent, argv)
    holders = [f"{parent}={option}" for option in chosen.get(parent, ())]
    lacking = next((holder for holder in holders if holder not in inside), parent)
    for other, names in chosen.items():
        for option in names:
            setter = catalogue.option(other, option)
            if setter is not None and f"/{group}" in setter.overrides():
                rest = [str(o) for o in catalogue.groups[other].values() if f"/{group}" not in o.overrides()]
                found = [*having, *_working(rest, other, argv)][:SHOWN]
                use = " or ".join(found or [f"another option of {other}"])
                return f"{setter} sets {group}, which {lacking} does not have: use {use}."
    deeper = [other for other in chosen if other.startswith(f"{parent}/") and other.endswith(f"/{name}")]
    use = f", or use {' or '.join([*deeper, *having])}" if deeper or having else ""
    return f"{group} cannot be chosen, because {lacking} does not have the group {group}: leave it out{use}."


def _working(remedies: Sequence[str], group: str, argv: Sequence[str]) -> list[str]:
    """Those of a few options of ``group`` with which the command line is accepted."""
    words = [word for word in argv if "=" in word and not word.startswith(("-", "hydra", f"{group}="))]
    return [remedy for remedy in remedies[:TRIED] if _is_accepted([*words, remedy])]


def _is_accepted(words: Sequence[str]) -> bool:
    try:
        cfg, choices = hydra.compose(words)
        check(cfg, choices, hydra.roots())
    except Exception:
        return False
    return True


def _near_group(group: str, argv: Sequence[str], catalogue: Catalogue) -> str:
    """Suggests the nearest group by name, or a neighbouring group that has the given option."""
    asked = [word.partition("=")[2] for word in argv if word.lstrip("+").partition("=")[0] == group]
    parent = group.rpartition("/")[0]
    beside = [other for other in catalogue.groups if parent and other.rpartition("/")[0] == parent]
    having = [other for other in beside for option in asked if option in catalogue.groups[other]]
    return f" Did you mean {having[0]!r}?" if having else close_key(group, catalogue.groups)


def _no_such_key(key: str, argv: Sequence[str]) -> str:
    if "/" in key:
        return _no_such_group(key, argv)
    holder = key.rpartition(".")[0]
    if key.endswith("._target_"):
        return f"{holder} has no class that could be changed: to give it one, write +{key}=CLASS."
    if any(word.lstrip("+").startswith(f"{holder}._target_=") for word in argv):
        return f"{key} is no key of an option: if the class in {holder}._target_ takes it, write +{key}=VALUE."
    catalogue = _catalogue(argv)
    holders = catalogue.having_key(key)
    if holders and f"~{key}" in argv:
        return f"{key} is not set, so it cannot be removed: leave out ~{key}."
    if holders:
        return _elsewhere(key, holders)
    written = _own_hydra_keys() if key.startswith("hydra.") else catalogue.written()
    prefix = key.rpartition(".")[0]
    beside = [known for known in written if prefix and known.rpartition(".")[0] == prefix]
    near = close_key(key, written)
    listed = f" The keys there are {', '.join(beside)}." if beside and not near else ""
    return f"{key} does not exist.{near}{listed}" + ("" if near or listed else " Run: vaerun list")


def _own_hydra_keys() -> list[str]:
    """The directories of Hydra, and the keys of vaerun's own launchers and sweepers, as they are typed."""
    folder = own_directory() / "hydra"
    return sorted(
        {"hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir"}
        | {
            f"hydra.{group}.{name}"
            for group in ("launcher", "sweeper")
            for path in (folder / group).glob("*.yaml")
            for name in flatten(OmegaConf.to_container(load(path)))  # type: ignore[arg-type]
            if name != "_target_"
        }
    )


def _elsewhere(key: str, holders: Sequence[Option]) -> str:
    """A key of options that are not chosen; those that need a further key (??? in their file) are left out."""
    alone = [option for option in holders if "???" not in flatten(option.content).values()] or holders
    return f"{key} does not exist with these choices: leave it out, or use {' or '.join(map(str, alone))}."


def _catalogue(argv: Sequence[str]) -> Catalogue:
    extra = [argv[i + 1] for i, word in enumerate(argv[:-1]) if word in ("--config-dir", "-cd")]
    extra += [word.partition("=")[2] for word in argv if word.startswith("--config-dir=")]
    own, *user = hydra.roots()
    return Catalogue([own, *(Path(directory) for directory in extra), *user])


def _chosen(argv: Sequence[str], catalogue: Catalogue, *, leaving_out: str) -> dict[str, list[str]]:
    """The options of each group, several in a sweep, by the command line without one group."""
    typed = [word for word in argv if "=" in word and not word.startswith("-")]
    words = dict(word.lstrip("+").partition("=")[::2] for word in typed)
    try:
        choices = hydra.compose([word for word in typed if word.lstrip("+").partition("=")[0] != leaving_out])[1]
    except Exception:  # a sweep, or a second error
        choices = {}
    nouns = catalogue.nouns | {group: option for group, option in choices.items() if group in catalogue.groups}
    return {group: str(words.get(group) or option or "").split(",") for group, option in nouns.items()}


def first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
