"""The memory that this process can still allocate, in bytes."""

import resource
from pathlib import Path

MEMINFO, STATM = Path("/proc/meminfo"), Path("/proc/self/statm")
GROUP = Path("/sys/fs/cgroup")
UNKNOWN = 2**62


def free_memory() -> int:
    """The smallest of: memory that the system has free, what the container leaves, and what ``ulimit -v`` leaves.

    Where the system does not say, as on macOS, that limit is left out.
    """
    return max(0, min(_system(), _container(), _process()))


def _system() -> int:
    for line in _text(MEMINFO).splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return UNKNOWN


def _container() -> int:
    limit, used = _text(GROUP / "memory.max").strip(), _text(GROUP / "memory.current").strip()
    if not (limit.isdigit() and used.isdigit()):
        return UNKNOWN
    counts = dict(line.split() for line in _text(GROUP / "memory.stat").splitlines())
    cache = int(counts.get("inactive_file", 0)) + int(counts.get("active_file", 0))  # given up when memory is needed
    return int(limit) - int(used) + cache


def _process() -> int:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    pages = _text(STATM).split()
    return limit - int(pages[0]) * resource.getpagesize() if limit != resource.RLIM_INFINITY and pages else UNKNOWN


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
