"""The folders with configurations: vaerun's own, and the user's."""

import os
from importlib.util import find_spec
from pathlib import Path

from vaerun.errors import UserError

PACKAGE = "vaerun.conf"


def user_directory() -> Path | None:
    """The user's own configuration directory, or None.

    Raises:
        UserError: ``$VAERUN_CONF`` is not a directory.
    """
    named = os.environ.get("VAERUN_CONF")
    directory = Path(named or "conf").resolve()
    if not directory.is_dir():
        if named:
            raise UserError(
                f"VAERUN_CONF={named} is not a directory: set it to the folder of your configurations, or unset it."
            )
        return None
    return None if directory == own_directory() else directory


def own_directory() -> Path:
    """The folder of vaerun's own configurations."""
    spec = find_spec(PACKAGE)
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(next(iter(spec.submodule_search_locations))).resolve()


def roots() -> list[Path]:
    """The configuration directories outside of a job: vaerun's, then the user's."""
    user = user_directory()
    return [own_directory(), user] if user is not None else [own_directory()]
