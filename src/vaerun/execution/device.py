"""On which device, with how many threads, and how strictly repeatable."""

import logging
import os
import sys
from pathlib import Path

import torch

from vaerun.errors import UserError, close_match

ROWS = 250  # decoder rows of a step that keep a thread busy: with fewer it waits for longer than it helps
SHARES = ("OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK")  # the first is how joblib and Ray tell a job how many it may use
QUOTA = Path("/sys/fs/cgroup/cpu.max")  # a container's share of the processor, in microseconds per period

logger = logging.getLogger("vaerun")


def choose_device(name: str) -> torch.device:
    """The device called auto, cpu or cuda (or cuda:1, …).

    Raises:
        UserError: no device of that name, or no CUDA on this machine.
    """
    kind = name.split(":")[0]
    if kind not in ("auto", "cpu", "cuda"):
        raise UserError(
            f"execution.device must be auto, cpu or cuda, got {name}.{close_match(name, ('auto', 'cpu', 'cuda'))}"
        )
    if kind == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if kind == "cuda" and not torch.cuda.is_available():
        raise UserError(
            f"execution.device={name} needs a CUDA device, but torch {torch.__version__} finds none: use "
            f"execution.device=cpu, or install a CUDA build of torch."
        )
    try:
        return torch.device(name)
    except RuntimeError:
        raise UserError(f"execution.device must be auto, cpu, cuda or cuda:N, got {name}.") from None


def choose_threads(threads: int | None, rows: int) -> int:
    """``threads``, or for None a thread for every ``ROWS`` decoder rows of a step, within this process's share.

    It is a rule and no measurement, because sums over several threads round differently: the same seed has to give the
    same numbers, also to a run that goes on, however busy the machine is at that moment.
    """
    if threads is None:
        chosen = max(1, min(rows // ROWS, cores()))
        busy = os.getloadavg()[0]
        if chosen > 1 and busy > 1.25 * cores():
            logger.info("the machine is busy (load %.1f): execution.threads=1 may be much faster than %d", busy, chosen)
        return chosen
    return threads


def cores() -> int:
    """Cores that are this process's to use: those of the machine, or its share of them as a container or a job.

    Not torch's own count, which the run before this one in a sweep may have set.
    """
    found = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    if "SUBMITIT_LOCAL_JOB_ID" in os.environ:
        return 1  # a sweep whose jobs all run at once on this machine, as many as there are
    named = [os.environ.get(name, "").partition(",")[0] for name in SHARES]
    shares = [int(share) for share in named if share.isdecimal() and int(share) > 0]
    return min([found, *shares, *quota()])


def quota() -> list[int]:
    """Whole cores that a container's quota comes to; nothing where there is none."""
    try:
        allowed, period = QUOTA.read_text().split()
        return [max(1, int(allowed) // int(period))]
    except (OSError, ValueError):
        return []


def set_deterministic(deterministic: bool) -> None:
    """Asks torch for algorithms that give the same bits each time, at some cost on CUDA."""
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it at its first call
    if deterministic != torch.are_deterministic_algorithms_enabled():  # to say so once more imports torch's compiler
        torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.benchmark = False
