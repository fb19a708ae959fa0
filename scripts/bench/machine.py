"""The processor that times were measured on: its name, instruction sets and cores."""

import os
import platform
from pathlib import Path

SETS = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_bf16": "AVX-512 BF16", "amx_tile": "AMX", "asimd": "NEON"}
"""Flag of /proc/cpuinfo ↦ the name of an instruction set on which the rate of matrix products depends."""


def machine() -> str:
    """The processor, how many of its cores this process may use, the system, and Python."""
    try:
        name = processor(Path("/proc/cpuinfo").read_text())
    except OSError:
        name = ""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    words = name or platform.processor() or platform.machine()
    return f"{words}, {cores} cores, {platform.system()}, Python {platform.python_version()}"


def processor(cpuinfo: str) -> str:
    """The name of the first processor and its instruction sets, from the text of /proc/cpuinfo; empty if it has none.

    The family and the model are added, because a virtual machine may give only the brand as name.
    """
    fields: dict[str, str] = {}
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    if "model name" not in fields:
        return ""
    number = f" (family {fields['cpu family']}, model {fields['model']})" if "cpu family" in fields else ""
    flags = fields.get("flags", fields.get("Features", "")).split()
    sets = [name for flag, name in SETS.items() if flag in flags] or ["neither AVX2 nor AVX-512"]
    return f"{fields['model name']}{number}, {' + '.join(sets)}"
