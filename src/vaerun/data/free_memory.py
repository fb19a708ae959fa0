"""The memory that this process can still allocate, in bytes."""

import resource
from pathlib import Path

MEMINFO, STATM = Path("/proc/meminfo"), Path("/proc/self/statm")
GROUP = Path("/sys/fs/cgroup")
GROUPS = (  # of the second and of the first version of control groups
    ("memory.max", "memory.current", "memory.stat"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
)
UNKNOWN = 2**62


def free_memory() -> int:
    """The smallest of: memory that the system has free, what the container leaves, and what ``ulimit -v`` and
    ``ulimit -d`` leave.

    Where the system does not say, as on macOS, that limit is left out.
    """
    return max(0, min(_system(), _container(), _process()))


def _system() -> int:
    for line in _text(MEMINFO).splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return UNKNOWN


def _container() -> int:
    free = UNKNOWN
    for limit_in, used_in, stat in GROUPS:
        limit, used = _text(GROUP / limit_in).strip(), _text(GROUP / used_in).strip()
        if limit.isdigit() and used.isdigit():
            counts = dict(line.split() for line in _text(GROUP / stat).splitlines())
            # The cache is given up when memory is needed.
            cache = int(counts.get("inactive_file", 0)) + int(counts.get("active_file", 0))
            free = min(free, int(limit) - int(used) + cache)
    return free


def _process() -> int:
    """What the limits of address space and of private memory leave; the numbers in the file are pages."""
    pages = _text(STATM).split()
    free = UNKNOWN
    for limited, place in ((resource.RLIMIT_AS, 0), (resource.RLIMIT_DATA, 5)):
        limit, _ = resource.getrlimit(limited)
        if limit != resource.RLIM_INFINITY and len(pages) > place:
            free = min(free, limit - int(pages[place]) * resource.getpagesize())
    return free


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
