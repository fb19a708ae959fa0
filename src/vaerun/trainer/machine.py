"""On which device, with how many threads, and how strictly repeatable."""

import os
import sys

import torch

from vaerun.errors import UserError, close_match

SMALL = 200  # decoder rows of a step below which a second thread costs more in waiting than it saves


def choose_device(name: str) -> torch.device:
    """The device called auto, cpu or cuda (or cuda:1, …).

    Raises:
        UserError: no device of that name, or no CUDA on this machine.
    """
    kind = name.split(":")[0]
    if kind not in ("auto", "cpu", "cuda"):
        raise UserError(
            f"trainer.device={name} is not known.{close_match(name, ('auto', 'cpu', 'cuda'))} Choose auto, cpu or cuda."
        )
    if kind == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if kind == "cuda" and not torch.cuda.is_available():
        raise UserError(
            f"trainer.device={name}, but this torch ({torch.__version__}) finds no CUDA device: use "
            f"trainer.device=cpu, or install a CUDA build of torch."
        )
    try:
        return torch.device(name)
    except RuntimeError:
        raise UserError(f"trainer.device={name} is not a device: write cpu, cuda or cuda:N.") from None


def choose_threads(threads: int | None, rows: int) -> int:
    """``threads``, or for None one thread where a step decodes few ``rows``, and every core where it decodes many.

    Raises:
        UserError: ``threads`` < 1.
    """
    if threads is None:
        return 1 if rows <= SMALL else cores()
    if threads < 1:
        raise UserError(f"trainer.threads={threads}, but computing takes a thread: give 1 or more, or null.")
    return threads


def cores() -> int:
    """Cores this process may use. Not torch's own count, which the run before this one in a sweep may have set."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def set_deterministic(deterministic: bool) -> None:
    """Asks torch for algorithms that give the same bits each time, at some cost on CUDA."""
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it at its first call
    if deterministic != torch.are_deterministic_algorithms_enabled():  # to say so once more imports torch's compiler
        torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.benchmark = False
