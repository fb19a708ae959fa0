"""Error messages: exceptions of Hydra, OmegaConf and YAML as one sentence for the user."""

import re
import shlex
import unicodedata
from collections.abc import Iterator, Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import InterpolationResolutionError, MissingMandatoryValue, OmegaConfBaseException
from yaml import MarkedYAMLError, YAMLError

from vaerun.config.composition_message import composition, first_line, missing_option
from vaerun.errors import RunError, UserError, one_line
from vaerun.system.fault import fault_of
from vaerun.system.memory import refused_memory

KEY = re.compile(r"/?[^\W\d][\w-]*([./][\w-]+)*(@[\w.:]*)?", re.ASCII)
"""Text of a key or group as Hydra can read it, such as trainer.epochs, estimator/baseline or group@package."""


def explain(error: BaseException, argv: Sequence[str] = ()) -> tuple[str, int] | None:
    """(sentence in one line, exit code) of an error of the user or a failure of the run; None for a bug.

    Args:
        error: what was raised.
        argv: the arguments of the command line, for suggestions.
    """
    found = _explained(error, argv)
    return None if found is None else (one_line(found[0]), found[1])


def _explained(error: BaseException, argv: Sequence[str]) -> tuple[str, int] | None:
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
        return missing_option(error, argv), 2
    if isinstance(error, MissingMandatoryValue):
        return f"{error.full_key} has no value: give {error.full_key}=VALUE.", 2
    if isinstance(error, InterpolationResolutionError):
        return _unresolved(error, argv), 2
    if isinstance(error, OverrideParseException):
        return _unreadable(error), 2
    if _raised_by_hydra(error) and (word := _without_key(argv)):
        return f"{word!r} has no key: write KEY=VALUE, such as trainer.epochs=5.", 2
    if isinstance(error, (HydraException, OmegaConfBaseException)) or _raised_by_hydra(error):
        return composition(error, argv), 2
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
    why = first_line(error).partition(": ")[0] if "Error raised" in str(error) else first_line(error)
    removed = next((word for word in argv if word.startswith("~") and repr(word[1:]) in why), "")
    lacking = re.search(r"key '([^']+)' not found", why)
    typed = next((word for word in argv if lacking and f"${{{lacking[1]}}}" in word), "")
    if typed and not removed:  # the value with this word may be that of a key that refers to this one
        return f"{typed} cannot be resolved, because {why}: write the value instead of a reference."
    remedy = f"leave out {removed}" if removed else f"write its value instead of a reference, {error.full_key}=VALUE"
    return f"{error.full_key} cannot be resolved, because {why}: {remedy}."


def _yaml(error: YAMLError) -> str:
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return f"a configuration file is not YAML: {first_line(error)}."
    mark = error.problem_mark
    name = mark.name.strip('"')
    why = (error.problem or "it cannot be read").removeprefix("but ")
    return f"{name}, line {mark.line + 1}: this is not YAML, because {why}: correct the file."


def _unreadable(error: OverrideParseException) -> str:
    if "=" not in error.override:
        return f"{error.override!r} has no value: write KEY=VALUE."
    if not _is_text(error.override):
        return f"{error.override!r} is not text in this locale: set PYTHONUTF8=1, and write it again."
    if odd := next((letter for letter in error.override if unicodedata.category(letter) == "Cc"), ""):
        what = "a line break" if odd in "\r\n" else f"the character {odd!r}"
        return f"{error.override!r} holds {what}: leave it out, and rename a file or folder that has it in its name."
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
