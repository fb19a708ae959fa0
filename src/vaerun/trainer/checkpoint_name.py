"""best, last, epoch_N: the names of a run's checkpoints. It is read before a command imports anything else."""

import re


def is_checkpoint_name(name: object) -> bool:
    """Whether it is ``best``, ``last`` or ``epoch_N``."""
    return isinstance(name, str) and re.fullmatch(r"best|last|epoch_[1-9][0-9]*", name) is not None
