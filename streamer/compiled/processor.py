"""For which machine kernels are compiled: a baseline, so that an image built here hits there.

numba compiles for the very processor that it runs on, name and features, and both are part of what a
cached kernel is found by.  The baseline of x86-64 is its third level (AVX2, 2013), which is what the
loops gain from; on 64-bit ARM it is what every such processor has.  A machine without the baseline,
or of another kind, compiles for itself, which makes every look into a shipped cache a miss.
"""

from __future__ import annotations

import platform
from typing import Final

from llvmlite import binding
from numba import config

__all__ = ["compile_for_the_baseline"]

# LLVM's name of a processor, and the features that one must have to run what is compiled for it.
_BASELINES: Final = {
    "x86_64": ("x86-64-v3", "avx avx2 bmi bmi2 cx16 f16c fma lzcnt movbe popcnt sse4.2 xsave"),
    "aarch64": ("generic", ""),
}


def compile_for_the_baseline() -> None:
    """Set what numba compiles for; NUMBA_CPU_NAME in the environment, where it is set, stands."""
    if config.CPU_NAME is not None:
        return
    name, needed = _BASELINES.get(platform.machine(), (None, ""))
    present = binding.get_host_cpu_features()
    if name is not None and all(present.get(feature) for feature in needed.split()):
        config.CPU_NAME = name
        # Those of the name, and no more: left open, numba takes the machine's own.
        config.CPU_FEATURES = ""
