"""Warnings that a user needs to see once."""

import logging
from functools import cache

logger = logging.getLogger("vaerun")


@cache
def warn_once(sentence: str) -> None:
    """Logs a warning, once in a process, because a command may read the same file several times."""
    logger.warning("%s", sentence)
