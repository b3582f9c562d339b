"""Which vector instructions the kernels may use."""

from __future__ import annotations

import os
import platform

import llvmlite.binding as llvm
from numba.core import config

__all__ = ["COLUMNS", "LANES", "LEVEL", "instruction_level"]

LANES = 16
"""Lanes of one vector of the kernels, 32 bits each."""


def instruction_level() -> str:
    """``vnni``, ``avx512``, ``avx2`` or ``plain``, for the processor that Numba compiles for."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return "plain"
    stated = config.CPU_FEATURES
    if stated is not None:
        features = {item[1:] for item in stated.split(",") if item.startswith("+")}
    elif config.CPU_NAME is not None or os.environ.get("NUMBA_CPU_NAME"):
        return "plain"  # named without its features: nothing is certain
    else:
        features = {name for name, there in llvm.get_host_cpu_features().items() if there}
    if {"avx512vnni", "avx512bw"} <= features:
        return "vnni"
    if "avx512bw" in features:
        return "avx512"
    return "avx2" if "avx2" in features else "plain"


LEVEL = instruction_level()
"""The level of this process."""

COLUMNS = 4 if LEVEL in ("vnni", "avx512") else 1
"""Vectors of one tile side by side: as many as the registers hold."""
