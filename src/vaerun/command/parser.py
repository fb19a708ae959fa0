"""The grammar of all commands: a flag is ``--name`` or ``--name VALUE``, configuration is ``key=value``.

It imports no larger module than argparse, because ``--help`` must be fast.
"""

import argparse
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn, final

from vaerun.command.flags import SYNTAX, Flag
from vaerun.errors import UserError, close_match

HELP = ("-h", "--help")  # handled by cli.py before a command is imported
MANY = 12  # with more flags, an error message refers to --help
HELP_WIDTH = 110  # columns of the help; asking for the width of the terminal takes milliseconds


@final
class Parser(argparse.ArgumentParser):
    """The argparse parser of one command. It raises UserError instead of printing a usage and exiting.

    Args:
        command: the word after ``vaerun``.
        help: the text above the flags; the part from the line "Examples:" on is shown below them.
    """

    def __init__(self, command: str, help: str = "") -> None:
        above, title, examples = help.partition("\nExamples:\n")
        super().__init__(
            prog=f"vaerun {command}",
            usage=f"vaerun {command} {SYNTAX[command].usage}",
            description=above.strip(),
            epilog=f"{title.strip()}\n{examples}" if title else None,
            formatter_class=_formatter,
            add_help=False,
            allow_abbrev=False,
            exit_on_error=False,
        )
        self.command = command
        group = self.add_argument_group("flags")
        group.add_argument(*HELP, action="store_true", help="print this text")
        for flag in SYNTAX[command].flags:
            _add(group, flag)

    def error(self, message: str) -> NoReturn:
        """Raises the message that argparse would print before it exits."""
        raise UserError(f"vaerun {self.command}: {message}. See vaerun {self.command} --help.")


def parse(command: str, argv: Sequence[str]) -> argparse.Namespace:
    """The flags by name, and all other arguments in order as ``words``; flags can be at any position.

    Raises:
        UserError: a flag does not exist, its value is missing or wrong, or a flag is written as ``name=value``.
    """
    parser = Parser(command)
    try:
        given, rest = parser.parse_known_args(list(_with_topics(command, argv)))
    except argparse.ArgumentError as error:
        raise UserError(_misused(command, error)) from None
    for word in rest:
        if not word.strip():
            raise UserError(f"an argument of vaerun {command} is empty: leave it out, or give its value.")
        if word.startswith("-"):
            raise UserError(unknown(command, word.partition("=")[0]))
    given.words = list(rest)
    _refuse_flags_without_dashes(command, given.words)
    return given


def help_text(command: str, docstring: str) -> str:
    """The help of a command: usage, docstring, flags, and examples."""
    return Parser(command, docstring).format_help().rstrip()


def split_words(words: Iterable[str], is_key: Callable[[str], bool]) -> tuple[list[str], list[str]]:
    """Directories, and KEY=VALUE.

    A word with an equals sign is a directory, too, if one of that name exists and its first part is not a key. ``~KEY``
    deletes a key.
    """
    words = list(words)
    places = [
        word
        for word in words
        if ("=" not in word and not _deletes(word)) or (not is_key(word.partition("=")[0]) and Path(word).is_dir())
    ]
    return places, [word for word in words if word not in places]


def _deletes(word: str) -> bool:
    """Whether a word deletes a key, as ``~optimizer`` does, and is no folder: ``~/runs`` is in the home of the user."""
    if not word.startswith("~") or word == "~" or word.startswith("~/"):
        return False
    return not Path(os.path.expanduser(word)).is_dir()  # noqa: PTH111 - pathlib raises an error if no user has this name


def unknown(command: str, name: str) -> str:
    """One sentence about an unknown flag."""
    if name in ("-cd", "--config-dir"):
        return (
            f"vaerun {command} has no flag {name}: set VAERUN_CONF=FOLDER to the folder of your own YAML files instead."
        )
    known = [*(flag.name for flag in SYNTAX[command].flags), HELP[-1]]
    flags = f"Its flags are {', '.join(known)}" if len(known) < MANY else f"Its flags are in vaerun {command} --help"
    near = close_match(name, known) or f" {flags}; configuration is written KEY=VALUE."
    return f"vaerun {command} has no flag {name}.{near}"


def _add(group: argparse._ArgumentGroup, flag: Flag) -> None:
    default = "" if flag.default is None else f"; default: {flag.default}"
    text = f"{flag.meaning}{default}".replace("%", "%%")
    if not flag.value:
        group.add_argument(*flag.names, dest=flag.dest, action="store_true", help=text)
    else:
        group.add_argument(
            *flag.names, dest=flag.dest, metavar=flag.value, type=flag.__call__, default=flag.default, help=text
        )


def _with_topics(command: str, argv: Sequence[str]) -> Iterator[str]:
    """The words with a value after each flag whose value was left out; otherwise argparse would take the next word."""
    optional = {name: flag for flag in SYNTAX[command].flags if flag.topics for name in flag.names}
    for word, after in zip(argv, [*argv[1:], None], strict=False):
        flag = optional.get(word)
        yield f"{word}={flag.topics[0]}" if flag is not None and after not in flag.topics else word


def _misused(command: str, error: argparse.ArgumentError) -> str:
    name = (error.argument_name or "").rpartition("/")[2]
    flag = next(flag for flag in SYNTAX[command].flags if flag.name == name)
    if not flag.value:
        return f"{name} takes no value: write {name} alone."
    return f"{name} needs a value, such as {name} {flag.example}."


def _refuse_flags_without_dashes(command: str, words: Sequence[str]) -> None:
    for word in words:
        key, equals, value = word.partition("=")
        for flag in SYNTAX[command].flags:
            if equals and f"--{key}" == flag.name:
                written = f"{flag.name} {value}" if flag.value else flag.name
                raise UserError(f"{word} must be written as a flag of vaerun {command}: {written}.")


def _formatter(prog: str) -> argparse.HelpFormatter:
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=28, width=HELP_WIDTH)
