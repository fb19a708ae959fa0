"""Count the functions and files of vaerun that lie between the shell and an estimator.

    python scripts/frames.py            # every frame from cli.main to Estimator.forward, the outermost first
    python scripts/frames.py --write    # the same into docs/architecture.md

It starts `vaerun train` on one step of a tiny run and reads the stack where the training loop calls the estimator. (The
estimate of the memory that a run needs calls it before.) A frame counts if its file is below src/vaerun: those of
torch, Hydra and Python do not.
"""

import contextlib
import inspect
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import vaerun
from vaerun import cli
from vaerun.estimator.reparam import Reparam
from vaerun.notation import Estimate

HOME = Path(vaerun.__file__).parent
PAGE = Path(__file__).parents[1] / "docs" / "architecture.md"
WORDS = ("train", "trainer.epochs=1", "trainer.batch_size=1297", "trainer.records.images_every=0")


def frames() -> list[tuple[str, str]]:
    """The frames from ``cli.main`` to ``Estimator.forward``, each as (file, function), the outermost first."""
    stack: list[tuple[str, str]] = []
    forward = Reparam.forward

    def probe(*inputs: Any) -> Estimate:
        """Stands in for ``Reparam.forward``: keeps the stack of the first step of the training, and ends the run."""
        callers = [(Path(frame.filename), frame.function) for frame in reversed(inspect.stack()[1:])]
        found = [(path.relative_to(HOME).as_posix(), name) for path, name in callers if HOME in path.parents]
        if not any(path.startswith("trainer/") for path, _ in found):
            return forward(*inputs)
        stack.extend(found)
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
    """Prints the frames and how many there are, or writes them into the page."""
    found = frames()
    listed = "\n".join(f"{place:2}  {file:32} {function}" for place, (file, function) in enumerate(found, start=1))
    count = f"{len(found)} frames in {len({file for file, _ in found})} files"
    if sys.argv[1:] == ["--write"]:
        page = re.sub(r"\*\*\d+ frames in \d+ files\*\*", f"**{count}**", PAGE.read_text())
        PAGE.write_text(re.sub(r"```text\n 1  cli.*?\n```", lambda _: f"```text\n{listed}\n```", page, flags=re.DOTALL))
    print(f"{listed}\n\n{count}")


if __name__ == "__main__":
    main()
