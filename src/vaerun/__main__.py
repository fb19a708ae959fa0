"""``python -m vaerun``: the same front as the ``vaerun`` command."""

import os
import sys

if __name__ == "__main__" and sys.path[0] in ("", os.getcwd()) and not sys.flags.safe_path:  # noqa: PTH109
    del sys.path[0]  # the current folder, whose files must not take the place of installed packages

from vaerun.cli import main

if __name__ == "__main__":
    main()
