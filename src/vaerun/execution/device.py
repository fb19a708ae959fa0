"""Device, number of threads, and deterministic algorithms."""

import logging
import os

import torch

from vaerun.errors import UserError, close_match
from vaerun.execution import parallel
from vaerun.execution.cores import cores

ROWS = 250  # decoder rows (K × batch) per thread; with fewer, a further thread costs more time than it saves

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
        return own_device(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    if kind == "cuda" and not torch.cuda.is_available():
        raise UserError(
            f"execution.device={name} needs a CUDA device, but torch {torch.__version__} finds none: use "
            f"execution.device=cpu, or install a CUDA build of torch."
        )
    try:
        return own_device(torch.device(name))
    except RuntimeError:
        raise UserError(f"execution.device must be auto, cpu, cuda or cuda:N, got {name}.") from None


def own_device(device: torch.device) -> torch.device:
    """The device of this process: if a run has several, each on a machine has a CUDA device of its own.

    Raises:
        UserError: there are more processes than CUDA devices, or one device is named for all processes.
    """
    if parallel.size() == 1 or device.type != "cuda":
        return device
    if device.index is not None:
        raise UserError(
            f"execution.device must be cuda with {parallel.size()} processes, because each has a device of its own, "
            f"got {device}: use execution.device=cuda, or execution.devices=1."
        )
    if parallel.local_size() > torch.cuda.device_count():
        raise UserError(
            f"execution.devices must be at most the number of CUDA devices, {torch.cuda.device_count()}, got "
            f"{parallel.local_size()}: use execution.devices={torch.cuda.device_count()}, or execution.device=cpu."
        )
    return torch.device("cuda", parallel.local_rank())


def choose_threads(threads: int | None, rows: int) -> int:
    """``threads``, or for None one thread per 250 decoder rows of a step, at most the cores of this process.

    The number follows a rule and not a measurement, because sums over several threads round differently: a seed must
    give the same results, also in a resumed run, whatever the load of the machine.
    """
    if threads is None:
        chosen = max(1, min(rows // ROWS, own_cores()))
        busy = os.getloadavg()[0]
        if chosen > 1 and busy > 1.25 * own_cores():
            logger.info("the machine is busy (load %.1f): execution.threads=1 may be much faster than %d", busy, chosen)
        return chosen
    return threads


def own_cores() -> int:
    """The number of cores that this process may use: processes of one run on this machine share them equally."""
    return max(1, cores() // parallel.local_size())


def set_deterministic(deterministic: bool) -> None:
    """Makes torch use deterministic algorithms, which are slower on CUDA."""
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it at its first call
    if deterministic != torch.are_deterministic_algorithms_enabled():  # the call imports torch's compiler
        torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.benchmark = False
