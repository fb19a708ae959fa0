"""The ``vaerun`` command. It imports argparse only for help, and the module of a command only to run it."""

import os
import sys

from vaerun.system import output
from vaerun.system.output import printable

COMMANDS = ("train", "sweep", "eval", "compare", "report", "sample", "encode", "impute", "verify", "list", "cite")
"""Modules in ``vaerun.command``."""

VARIABLES = (
    "HYDRA_FULL_ERROR",
    "VAERUN_TRACEBACK",
    "PYTHONSAFEPATH",
    "GOMP_SPINCOUNT",
)  # of the environment, set while a command runs
SPINS = "1000"  # a few microseconds
BUILDING = ("train", "sweep", "eval", "sample", "encode", "impute", "verify")
"""The commands that build classes, and so take trust=PACKAGE."""

USAGE = """\
vaerun: a command-line laboratory for variational inference in latent-variable models

usage: vaerun COMMAND ...

"""

HINTS = """
vaerun COMMAND --help explains a command and its flags. vaerun --version prints the version.

Start with:  vaerun train
"""


def main() -> None:
    """Runs the command line of this process and leaves it with the command's exit code."""
    output.prepare()
    try:
        code = dispatch(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the output has closed it, as head does.
        code = 0
        output.give_up(sys.stdout)
        output.give_up(sys.stderr)
    except OSError as error:
        code = 1
        output.give_up(sys.stdout)
        tell(f"standard output cannot be written ({error.strerror}): choose another place for it.")
    except KeyboardInterrupt:
        code = 130
        tell("interrupted")
    sys.exit(code)


def tell(sentence: str) -> None:
    """Prints a sentence on stderr; where that is closed or full, nobody can be told."""
    output.say(f"vaerun: {printable(sentence)}")


def dispatch(argv: list[str]) -> int:
    """Runs ``vaerun ARGV`` and returns the exit code: 0 done, 1 the run failed, 2 a user's error, 130 interrupted."""
    word, rest = (argv[0], argv[1:]) if argv else ("", [])
    if word in ("--help", "-h", "help"):
        print(usage(), end="")
        return 0
    if word in ("--version", "-V"):
        from vaerun import __version__

        print(f"vaerun {__version__}")
        return 0
    if word in ("-sc", "--shell-completion"):
        return complete(argv)
    if word not in COMMANDS:
        return refuse(word, rest)
    if "--help" in rest or "-h" in rest:
        from vaerun.command.parser import help_text

        print(help_text(word, docstring(word)))
        return 0
    return run(word, rest)


def usage() -> str:
    """The commands, each with the first line of its help."""
    lines = [f"  {command:8} {docstring(command).splitlines()[0]}" for command in COMMANDS]
    return USAGE + "\n".join(lines) + "\n" + HINTS


def docstring(command: str) -> str:
    """The docstring of a command's module, read from its source, because importing the module may import torch."""
    # without pathlib, which is slow to import
    path = os.path.join(os.path.dirname(__file__), "command", f"{command}.py")  # noqa: PTH118, PTH120
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        return file.read().split('"""')[1].strip()


def refuse(word: str, rest: list[str]) -> int:
    """Prints one sentence about an unknown command."""
    if not word:
        print(usage(), end="", file=sys.stderr)
        return 2
    if "=" in word or word in ("-m", "--multirun"):
        tell(f"{word!r} is not a command: write vaerun train {' '.join([word, *rest])}")
        return 2
    from vaerun.errors import close_match

    near, known = close_match(word, COMMANDS), ", ".join(COMMANDS)
    tell(f"{word!r} is not a command.{near} The commands are {known}.")
    return 2


def run(command: str, argv: list[str]) -> int:
    """Runs one command, and turns every exception into one sentence and an exit code."""
    before = {name: os.environ.get(name) for name in VARIABLES}
    if "OMP_WAIT_POLICY" not in os.environ:
        # A thread of torch that waits for another one keeps its core busy for milliseconds. If another program has the
        # core of that other thread, two threads are then less than half as fast as one.
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
    if follows():
        from vaerun.execution.follower import main as follow

        return follow()
    if before["HYDRA_FULL_ERROR"] == "1":
        os.environ["VAERUN_TRACEBACK"] = "1"
    os.environ["PYTHONSAFEPATH"] = "1"  # so that the jobs of a sweep do not import files of the current folder
    os.environ["HYDRA_FULL_ERROR"] = "1"  # so that Hydra raises its errors instead of printing them
    try:
        from importlib import import_module

        if command not in BUILDING:
            return int(import_module(f"vaerun.command.{command}").main(argv))
        from vaerun.config.trust import divided, trusting

        words, names = divided(argv)
        with trusting(names):
            return int(import_module(f"vaerun.command.{command}").main(words))
    except BrokenPipeError:
        raise
    except KeyboardInterrupt as interruption:
        tell(f"{interruption if str(interruption) else 'interrupted'}")
        return 130
    except Exception as error:
        if isinstance(error, OSError) and output.is_of_print(error):
            raise
        return sentence(error, argv)
    except SystemExit as error:
        from vaerun.config.trust import place_in

        if not place_in(error, packages_of(argv)):  # of Hydra, which has printed what it has to say
            raise
        return sentence(error, argv)
    finally:
        if several():
            from vaerun.execution.team import release

            release()
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def several() -> bool:
    """Whether torchrun, or a launcher that sets the same variables, has started several processes."""
    return {"RANK", "MASTER_ADDR", "MASTER_PORT"} <= os.environ.keys() and os.environ.get("WORLD_SIZE", "1") != "1"


def follows() -> bool:
    """Whether another of them reads the command line, and tells this one what to do."""
    return several() and os.environ["RANK"] != "0"


def sentence(error: BaseException, argv: list[str]) -> int:
    """Prints the error on stderr and returns its exit code."""
    from vaerun.config.error_message import explain

    explained = explain(error, argv)
    if os.environ.get("VAERUN_TRACEBACK") == "1":
        import traceback

        traceback.print_exception(error)
    if explained is None:
        from vaerun.config.trust import bug

        explained = (bug(error, packages_of(argv), "VAERUN_TRACEBACK=1 shows where"), 1)
    tell(explained[0])
    return explained[1]


def packages_of(argv: list[str]) -> tuple[str, ...]:
    """The packages that the user trusts."""
    from vaerun.config.trust import divided
    from vaerun.errors import UserError

    try:
        return divided(argv)[1]
    except UserError:  # a command that builds no class has not read trust= before
        return ()


def complete(argv: list[str]) -> int:
    """Completes commands and flags; Hydra completes the words after ``vaerun train``."""
    line = os.environ.get("COMP_LINE", "")
    if not any(word.startswith("query=") for word in argv):
        return run("train", argv)
    program, _, typed = line.lstrip().partition(" ")
    command, space, rest = typed.lstrip().partition(" ")
    if not space:
        print(" ".join(known for known in COMMANDS if known.startswith(command)))
        return 0
    if command not in ("train", "sweep"):
        complete_flag(command, rest.rpartition(" ")[2])
        return 0
    os.environ["COMP_LINE"] = f"{program} {rest}"
    os.environ["COMP_POINT"] = str(len(program) + 1 + len(rest))
    from contextlib import redirect_stderr

    # A message would appear in the line that the user is typing.
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stderr(nowhere):  # noqa: PTH123
        return run("train", argv)


def complete_flag(command: str, typed: str) -> None:
    """Prints the flags of a command that begin with the last word, if that is the start of a flag."""
    from vaerun.command.flags import SYNTAX

    if command in SYNTAX and typed.startswith("-"):
        print(" ".join(flag.name for flag in SYNTAX[command].flags if flag.name.startswith(typed)))
