"""The number of cores that a process may use; torch is not needed to know it."""

import os
import sys
from pathlib import Path

SHARES = ("OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK")  # a sweep, joblib and Ray set the first for their jobs
QUOTA = Path("/sys/fs/cgroup/cpu.max")  # CPU quota of a container: microseconds per period


def cores() -> int:
    """The number of cores that this process may use: of the machine, the container or the job.

    It is not torch.get_num_threads(), which an earlier run of a sweep may have changed.
    """
    shares = [share for name in SHARES for share in _number(name)]
    if "SUBMITIT_LOCAL_JOB_ID" in os.environ and not shares:
        return 1  # a sweep whose jobs all run at the same time on this machine
    return min([*shares, available_cores()])


def available_cores() -> int:
    """The number of cores that all processes of this user may use together here; OMP_NUM_THREADS is for one process."""
    found = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min([found, *_number("SLURM_CPUS_PER_TASK"), *quota()])


def _number(name: str) -> list[int]:
    """The positive whole number in an environment variable, or an empty list."""
    text = os.environ.get(name, "").partition(",")[0]
    return [int(text)] if text.isdecimal() and int(text) > 0 else []


def quota() -> list[int]:
    """The CPU quota of the container in whole cores; an empty list without a quota."""
    try:
        allowed, period = QUOTA.read_text().split()
        return [max(1, int(allowed) // int(period))]
    except (OSError, ValueError):
        return []
