"""Commands and programs in processes of their own that begin with torch imported, by multiprocessing's fork server.

A process that starts from nothing spends most of a short run on importing torch.
"""

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.context import ForkServerContext
from pathlib import Path

from vaerun.sweep.processes import PRELOADED


def vaerun(*words: str, cwd: Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """``vaerun WORDS`` in a folder."""
    return finished(command, words, cwd=cwd, environment=os.environ, timeout=timeout)


def program(script: Path, *, environment: Mapping[str, str], timeout: float = 1200) -> subprocess.CompletedProcess[str]:
    """``python -W error SCRIPT`` in the script's folder; a UserWarning of the script itself is no error."""
    return finished(script_as_main, [script.name], cwd=script.parent, environment=environment, timeout=timeout)


def command(*words: str) -> None:
    """What a process of ``vaerun`` does."""
    from vaerun.cli import main

    sys.argv = ["vaerun", *words]
    sys.exit(main())


def script_as_main(name: str) -> None:
    """What a process of a program does."""
    warnings.simplefilter("error")
    warnings.filterwarnings("default", category=UserWarning, module="__main__")
    sys.argv = [name]
    sys.path.insert(0, str(Path.cwd()))
    runpy.run_path(name, run_name="__main__")


def finished(
    function: Callable[..., None],
    words: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    timeout: float,
) -> subprocess.CompletedProcess[str]:
    """What a process that calls the function has left."""
    server: ForkServerContext = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(PRELOADED)
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder) / name for name in ("stdout", "stderr")]
        process = server.Process(target=child, args=(function, words, cwd, dict(environment), streams))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(words, timeout)
        return subprocess.CompletedProcess(words, process.exitcode, *(path.read_text() for path in streams))


def child(
    function: Callable[..., None], words: Sequence[str], cwd: Path, environment: dict[str, str], streams: list[Path]
) -> None:
    """The part of the new process."""
    for number, path in enumerate(streams, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    function(*words)
