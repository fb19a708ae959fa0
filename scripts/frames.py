"""Count the functions and files of vaerun that lie between the shell and an estimator.

    python scripts/frames.py            # every frame from cli.main to Estimator.forward, the outermost first

It starts `vaerun train` on one step of a tiny run and reads the stack where the estimator is called. A frame counts if
its file is below src/vaerun: those of torch, Hydra and Python do not.
"""

import contextlib
import inspect
import os
import sys
import tempfile
from pathlib import Path
from unittest import mock

import vaerun
from vaerun import cli
from vaerun.estimator.reparam import Reparam

HOME = Path(vaerun.__file__).parent
WORDS = ("train", "trainer.epochs=1", "trainer.batch_size=1297", "trainer.records.images_every=0")


def frames() -> list[tuple[str, str]]:
    """The frames from ``cli.main`` to ``Estimator.forward``, each as (file, function), the outermost first."""
    stack: list[tuple[str, str]] = []

    def probe(*inputs: object) -> None:
        """Stands in for ``Reparam.forward``: keeps the stack and ends the run."""
        callers = [(Path(frame.filename), frame.function) for frame in reversed(inspect.stack()[1:])]
        stack.extend((path.relative_to(HOME).as_posix(), name) for path, name in callers if HOME in path.parents)
        raise KeyboardInterrupt

    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as patches:
        patches.enter_context(mock.patch.dict(os.environ))
        patches.enter_context(mock.patch.object(sys, "argv", ["vaerun", *WORDS, f"hydra.run.dir={folder}/run"]))
        patches.enter_context(mock.patch.object(Reparam, "forward", probe))
        patches.enter_context(contextlib.redirect_stderr(patches.enter_context(open(os.devnull, "w"))))  # noqa: PTH123
        patches.enter_context(contextlib.suppress(SystemExit))
        cli.main()
    return [*stack, ("estimator/reparam.py", "forward")]


def main() -> None:
    """Prints the frames and how many there are."""
    found = frames()
    for place, (file, function) in enumerate(found, start=1):
        print(f"{place:2}  {file:32} {function}")
    print(f"\n{len(found)} frames in {len({file for file, _ in found})} files")


if __name__ == "__main__":
    main()
