"""For which machines kernels are compiled: baselines, so that what is built here is found there.

numba compiles for the very processor that it runs on, name and features, and both are part of what a
cached kernel is found by.  The baseline of x86-64 is its third level (AVX2, 2013), which is what the
loops gain from, and for older machines the first, which all have; on 64-bit ARM it is what all have.
An installation compiles for each of these that its machine can run, so that any other finds its own.
NUMBA_CPU_NAME is for who knows better: compiled at the start, unless the installation had it too.
"""

from __future__ import annotations

import platform
from functools import cache
from typing import Final

from llvmlite import binding
from numba import config

__all__ = ["baselines", "compile_for"]

# LLVM's names of processors, best first, and the features that one must have to run what is compiled
# for it.
_X86_64: Final = {
    "x86-64-v3": "avx avx2 bmi bmi2 cx16 f16c fma lzcnt movbe popcnt sse4.2 xsave",
    "x86-64": "",
}
_OTHERS: Final = {"generic": ""}


@cache
def baselines() -> tuple[str, ...]:
    """Return those that this machine can run, best first; that of the environment, where it is set."""
    if config.CPU_NAME is not None:
        return (config.CPU_NAME,)
    known = _X86_64 if platform.machine() == "x86_64" else _OTHERS
    present = binding.get_host_cpu_features()
    return tuple(
        name for name, needed in known.items() if all(present.get(each) for each in needed.split())
    )


def compile_for(baseline: str) -> None:
    """Set what numba compiles for, one of `baselines`; of use before it has compiled anything."""
    if baseline != config.CPU_NAME:
        config.CPU_NAME = baseline
        # Those of the name, and no more: left open, numba takes the machine's own.
        config.CPU_FEATURES = ""
