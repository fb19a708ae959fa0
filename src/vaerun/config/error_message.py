"""Error messages: exceptions of Hydra, OmegaConf and YAML as one sentence for the user."""

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import InterpolationResolutionError, MissingMandatoryValue, OmegaConfBaseException
from yaml import MarkedYAMLError, YAMLError

from vaerun.config import hydra
from vaerun.config.catalogue import EXPERIMENT, Catalogue, Option
from vaerun.config.check import check
from vaerun.errors import RunError, UserError, close_key, close_match
from vaerun.system.fault import fault_of
from vaerun.system.memory import refused_memory

EXTRAS = {"hydra/sweeper=optuna": "optuna"}
"""Options of Hydra that need an extra of vaerun; for launchers see ``sweep.inner``."""

SHOWN = 4  # remedies in a message
TRIED = 12  # remedies that are tried for a message
KEY = re.compile(r"/?[^\W\d][\w-]*([./][\w-]+)*(@[\w.:]*)?", re.ASCII)
"""Text of a key or group as Hydra can read it, such as trainer.epochs, estimator/baseline or group@package."""


def explain(error: BaseException, argv: Sequence[str] = ()) -> tuple[str, int] | None:
    """(sentence, exit code) of an error of the user or a failure of the run; None for a bug.

    Args:
        error: what was raised.
        argv: the arguments of the command line, for suggestions.
    """
    for link in _chain(error):
        if isinstance(link, (UserError, RunError)):
            return str(link), link.exit_code
        if memory := refused_memory(link):
            return f"{memory}.", 1
    for link in _chain(error):
        if isinstance(link, YAMLError):
            return _yaml(link), 2
    if isinstance(error, (FileExistsError, NotADirectoryError)) and error.filename is not None:
        return f"{error.filename} is not a directory: choose another directory.", 2
    if fault := fault_of(error):
        return str(fault), fault.code
    if isinstance(error, MissingConfigException):
        return _missing_option(error, argv), 2
    if isinstance(error, MissingMandatoryValue):
        return f"{error.full_key} has no value: give {error.full_key}=VALUE.", 2
    if isinstance(error, InterpolationResolutionError):
        return _unresolved(error, argv), 2
    if isinstance(error, OverrideParseException):
        return _unreadable(error), 2
    if _raised_by_hydra(error) and (word := _without_key(argv)):
        return f"{word!r} has no key: write KEY=VALUE, such as trainer.epochs=5.", 2
    if isinstance(error, (HydraException, OmegaConfBaseException)) or _raised_by_hydra(error):
        return _composition(error, argv), 2
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _raised_by_hydra(error: BaseException) -> bool:
    """Hydra refuses some overrides with a bare error."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    module = trace.tb_frame.f_globals.get("__name__", "") if trace is not None else ""
    bare = isinstance(error, (ValueError, TypeError, AssertionError, HydraException))
    return bare and str(module).startswith(("hydra.", "omegaconf."))


def _without_key(argv: Sequence[str]) -> str:
    """The first word of the command line that sets or removes something without a name; empty if there is none."""
    words = [word for word in argv if "=" in word or word.startswith(("+", "~"))]
    return next((word for word in words if not KEY.match(word.lstrip("+~"))), "")


def _unresolved(error: InterpolationResolutionError, argv: Sequence[str]) -> str:
    """A reference to another value that does not exist, in a file or on the command line."""
    why = _first_line(error).partition(": ")[0] if "Error raised" in str(error) else _first_line(error)
    removed = next((word for word in argv if word.startswith("~") and repr(word[1:]) in why), "")
    remedy = f"leave out {removed}" if removed else f"write its value instead of a reference, {error.full_key}=VALUE"
    return f"{error.full_key} cannot be resolved, because {why}: {remedy}."


def _catalogue(argv: Sequence[str]) -> Catalogue:
    extra = [argv[i + 1] for i, word in enumerate(argv[:-1]) if word in ("--config-dir", "-cd")]
    extra += [word.partition("=")[2] for word in argv if word.startswith("--config-dir=")]
    own, *user = hydra.roots()
    return Catalogue([own, *(Path(directory) for directory in extra), *user])


def _yaml(error: YAMLError) -> str:
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return f"a configuration file is not YAML: {_first_line(error)}."
    mark = error.problem_mark
    name = mark.name.strip('"')
    why = (error.problem or "it cannot be read").removeprefix("but ")
    return f"{name}, line {mark.line + 1}: this is not YAML, because {why}: correct the file."


def _missing_option(error: MissingConfigException, argv: Sequence[str]) -> str:
    wanted = (error.missing_cfg_file or "").removesuffix(".yaml")
    group, _, option = wanted.rpartition("/")
    options = list(error.options or ())
    if group.split("/")[0] == EXPERIMENT:
        group, _, option = wanted.partition("/")
        options = list(_catalogue(argv).experiments)
    if not options:
        name = wanted or _first_line(error)
        return f"the configuration {name!r} does not exist: check --config-dir and --config-name."
    hint = close_match(option, options) or f" Choose one of {', '.join(options)}."
    if f"{group}={option}" in EXTRAS:
        hint = f" Install it with: pip install 'vaerun[{EXTRAS[f'{group}={option}']}]'."
    elif close_match(option, options):
        hint += f" {group} can be {', '.join(options)}."
    return f"{group}={option} does not exist.{hint}"


def _composition(error: BaseException, argv: Sequence[str]) -> str:
    """Hydra uses the same exception for many errors, so they are recognised by their text."""
    text = " ".join(str(error).split())
    no_default = r"Could not override '([^']+)'\. ?No match in the defaults list"
    if match := re.search(no_default + r"|No earlier Group Default for '([^']+)'", text):
        return _no_such_group((match[1] or match[2]).lstrip("/").partition("@")[0], argv)
    if match := re.search(r"Could not (?:override|delete from config\.) '?([^' ]+?)'?(?:\. | does|$)", text):
        return _no_such_key(match[1], argv)
    if match := re.search(r"Could not append to config\. An item is already at '([^']+)'", text):
        return _partly(match[1], argv) or f"{match[1]} already exists in the configuration: leave out the +."
    if match := re.search(r"Could not append '?(\S+?)=|Multiple values for ([^. ]+)", text):
        group = match[1] or match[2]
        return f"{group} already has an option: leave out the +."
    if match := re.search(r"Override (\S+) looks like a config group override, but config group '([^']+)'", text):
        return _no_such_key(match[2], argv)
    if "Config group override must be a string" in text:
        return "the name of an option must be text: quote a number, as in GROUP='\"3\"', or choose another option."
    if match := re.search(r"Ambiguous value for argument '([^']+)'", text):
        return f"{match[1]} gives several values: put -m before it for a sweep, or write KEY=[A,B] for a list."
    text = text.partition(" See https://")[0]
    causes = [part for part in (text.rstrip("."), _first_line(error.__cause__) if error.__cause__ else "") if part]
    return f"the configuration cannot be composed: {', '.join(causes) or type(error).__name__}."


def _no_such_group(group: str, argv: Sequence[str]) -> str:
    """The user or an option has chosen from a group that the configuration does not have."""
    catalogue = _catalogue(argv)
    if group not in catalogue.groups:
        return f"there is no group {group}.{_near_group(group, argv, catalogue)} Run: vaerun list"
    chosen = _chosen(argv, catalogue)
    parent = group.rpartition("/")[0]
    options = catalogue.groups.get(parent, {}).values()
    inside = [str(option) for option in options if f"/{group}" in option.nested()]
    having = _working(inside, parent, argv)
    lacking = next((f"{parent}={name}" for name in chosen.get(parent, ()) if f"{parent}={name}" not in inside), parent)
    for other, names in chosen.items():
        for name in names:
            setter = catalogue.option(other, name)
            if setter is not None and f"/{group}" in setter.overrides():
                rest = [str(o) for o in catalogue.groups[other].values() if f"/{group}" not in o.overrides()]
                found = [*having, *_working(rest, other, argv)][:SHOWN]
                use = " or ".join(found or [f"another option of {other}"])
                return f"{setter} sets {group}, which {lacking} does not have: use {use}."
    use = f", or use {' or '.join(having)}" if having else ""
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
    catalogue = _catalogue(argv)
    holders = catalogue.having_key(key)
    if holders:
        return _partly(key, argv) or _elsewhere(key, holders)
    written = catalogue.written()
    prefix = key.rpartition(".")[0]
    beside = [known for known in written if prefix and known.rpartition(".")[0] == prefix]
    near = close_key(key, written)
    listed = f" The keys there are {', '.join(beside)}." if beside and not near else ""
    return f"{key} does not exist.{near}{listed}" + ("" if near or listed else " Run: vaerun list")


def _partly(key: str, argv: Sequence[str]) -> str:
    """A key that some options of a sweep have and others do not; empty if that is not the case."""
    catalogue = _catalogue(argv)
    holders = catalogue.having_key(key)
    for group, names in _chosen(argv, catalogue).items():
        having = [option.name for option in holders if option.group == group and option.name in names]
        lacking = [name for name in names if name not in having]
        if having and lacking:
            word = _word(key, argv)
            return (
                f"{key} belongs to {group}={','.join(having)} and not to {group}={','.join(lacking)}, so one sweep "
                f"cannot set it: use {group}={','.join(having)} with {word}, and in a second command "
                f"{group}={','.join(lacking)} without it."
            )
    return ""


def _word(key: str, argv: Sequence[str]) -> str:
    """The word of the command line that sets ``key``, without a +."""
    return next((w.lstrip("+") for w in argv if w.lstrip("+").partition("=")[0] == key), f"{key}=VALUE")


def _elsewhere(key: str, holders: Sequence[Option]) -> str:
    """A key of options that are not chosen."""
    return f"{key} does not exist with these choices: leave it out, or use {' or '.join(map(str, holders))}."


def _unreadable(error: OverrideParseException) -> str:
    if "=" not in error.override:
        return f"{error.override!r} has no value: write KEY=VALUE."
    if not _is_text(error.override):
        return f"{error.override!r} is not text in this locale: set PYTHONUTF8=1, and write it again."
    key = error.override.partition("=")[0]
    if not KEY.fullmatch(key.lstrip("+~")):
        return f"{error.override!r} has no key that can be read: write KEY=VALUE, such as trainer.epochs=5."
    quoted = _quoted(error.override)
    text = f", or, if its value is text, write {quoted}" if quoted else ""
    return f"{error.override!r} cannot be read: close its brackets and quotes{text}."


def _is_text(word: str) -> bool:
    """Whether Python could decode the word; it keeps bytes that are not of the locale as halves of characters."""
    return not any("\ud800" <= letter <= "\udfff" for letter in word)


def _quoted(word: str) -> str:
    """KEY=VALUE with its value in quotes for Hydra and the whole in quotes for a shell; empty if that is unreadable."""
    key, _, value = word.partition("=")
    inner = value.strip("'\"").replace("\\", "\\\\").replace('"', '\\"')
    candidate = f'{key}="{inner}"'
    try:
        OverridesParser.create().parse_override(candidate)
    except HydraException:
        return ""
    return shlex.quote(candidate)


def _chosen(argv: Sequence[str], catalogue: Catalogue) -> dict[str, list[str]]:
    """The chosen options of each group, from the command line or the defaults; several in a sweep."""
    words = dict(word.lstrip("+").partition("=")[::2] for word in argv if "=" in word and not word.startswith("-"))
    return {group: words.get(group, default or "").split(",") for group, default in catalogue.nouns.items()}


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
