"""Which library multiplies matrices on a CPU."""

import platform
from collections.abc import Callable
from pathlib import Path

import torch

from vaerun.errors import UserError, close_match

PRECISION = {"mkl": "none", "onednn": "bf16"}  # what torch must be permitted before it hands products to a library
EXACT = 1e-5  # relative error of a product in float32; in bfloat16 it is 100 times as large


def choose_matmul_backend(name: str) -> str:
    """Sets the library that multiplies float32 matrices on a CPU; returns its name, mkl or onednn.

    MKL, torch's own choice, leaves AVX-512 unused on processors that are not Intel's; oneDNN uses it, and is up to
    twice as fast there. Torch goes to oneDNN only where bfloat16 within a product is permitted; a processor with matrix
    units for it would make use of that, so one product is checked, and float32 it must be. The choice depends on the
    processor alone: a run repeats itself on the machine it was made on.

    Args:
        name: auto, mkl or onednn.

    Raises:
        UserError: no such library, or it is not in this torch, or would not keep to float32.
    """
    if name not in ("auto", *PRECISION):
        raise UserError(
            f"execution.matmul_backend must be auto, mkl or onednn, got {name}."
            f"{close_match(name, ('auto', *PRECISION))}"
        )
    allow = permission()
    if name == "mkl" or allow is None or (name == "auto" and not mkl_is_slow(processor())):
        if name == "onednn":
            raise UserError("execution.matmul_backend=onednn needs a newer torch: use auto or mkl.")
        if allow is not None:
            allow(PRECISION["mkl"])
        return "mkl"
    allow(PRECISION["onednn"])
    if error_of_a_product() < EXACT:
        return "onednn"
    allow(PRECISION["mkl"])
    if name == "onednn":
        raise UserError(
            "execution.matmul_backend=onednn would round matrix products to bfloat16 on this processor: use mkl."
        )
    return "mkl"


def permission() -> Callable[[str], None] | None:
    """Sets the precision that products may use on a CPU; None where this torch has no such switch."""
    switch = getattr(torch.backends.mkldnn, "matmul", None)
    if not torch.backends.mkldnn.is_available() or not hasattr(switch, "fp32_precision"):
        return None
    return lambda precision: setattr(switch, "fp32_precision", precision)


def processor() -> str:
    """What the system says of the processor; empty where it says nothing."""
    described = Path("/proc/cpuinfo")
    return described.read_text(encoding="utf-8", errors="replace") if described.exists() else platform.processor()


def mkl_is_slow(described: str) -> bool:
    """Whether MKL leaves half of a processor idle: AVX-512 of another maker than Intel."""
    return "avx512f" in described and "GenuineIntel" not in described


def error_of_a_product() -> float:
    """The relative error of one product of fixed matrices."""
    a = torch.linspace(-1, 1, 256 * 256).reshape(256, 256).sin()
    b = torch.linspace(-2, 1, 256 * 256).reshape(256, 256).cos()
    exact = a.double() @ b.double()
    return float(((a @ b).double() - exact).norm() / exact.norm())
