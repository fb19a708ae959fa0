"""``python -m vaerun``: the same front as the ``vaerun`` command."""

from vaerun.cli import main

if __name__ == "__main__":
    main()
