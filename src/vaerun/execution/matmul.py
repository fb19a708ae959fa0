"""The library for float32 matrix products on a CPU."""

import platform
from collections.abc import Callable
from pathlib import Path

import torch

from vaerun.errors import UserError, close_match

PRECISION = {"mkl": "none", "onednn": "bf16"}  # the precision setting with which torch uses each library
EXACT = 1e-5  # largest relative error of a float32 product; in bfloat16 it is 100 times as large


def choose_matmul_backend(name: str) -> str:
    """Sets the library for float32 matrix products on a CPU; returns its name, mkl or onednn.

    MKL, the default of torch, does not use AVX-512 on processors of other makers than Intel; oneDNN uses it and is up
    to twice as fast there. Torch uses oneDNN only if bfloat16 is allowed within a product, and some processors would
    then round to bfloat16. Therefore the error of one product is measured, and oneDNN is used only if it computes in
    float32. The choice depends only on the processor, so a run can be repeated on the same machine.

    Args:
        name: auto, mkl or onednn.

    Raises:
        UserError: the library is unknown, not supported by this torch, or would round to bfloat16.
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
    """A function that sets the allowed precision of CPU products; None if this torch has no such setting."""
    switch = getattr(torch.backends.mkldnn, "matmul", None)
    if not torch.backends.mkldnn.is_available() or not hasattr(switch, "fp32_precision"):
        return None
    return lambda precision: setattr(switch, "fp32_precision", precision)


def permitted() -> str | None:
    """The allowed precision of CPU products at present; None if this torch has no such setting."""
    if permission() is None:
        return None
    return str(torch.backends.mkldnn.matmul.fp32_precision)  # type: ignore[attr-defined, unused-ignore]


def processor() -> str:
    """The system's description of the processor; an empty string if there is none."""
    described = Path("/proc/cpuinfo")
    return described.read_text(encoding="utf-8", errors="replace") if described.exists() else platform.processor()


def mkl_is_slow(described: str) -> bool:
    """Whether MKL does not use AVX-512 of this processor, because its maker is not Intel."""
    return "avx512f" in described and "GenuineIntel" not in described


def error_of_a_product() -> float:
    """The relative error of the product of two fixed matrices."""
    a = torch.linspace(-1, 1, 256 * 256).reshape(256, 256).sin()
    b = torch.linspace(-2, 1, 256 * 256).reshape(256, 256).cos()
    exact = a.double() @ b.double()
    return float(((a @ b).double() - exact).norm() / exact.norm())
