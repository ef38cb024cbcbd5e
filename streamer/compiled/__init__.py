"""Loops over arrays that are compiled: the decorator, and a cache that can be trusted.

Knows nothing of what is computed.  Importing it loads numba, for 0.3 s.

Reading order: `decorator` (what a kernel is), `processor` (for which machines), `cache` (what is kept
of a compilation), `sources` (what makes it void), `folders` (where it lies, and which are refused),
`registries` (what numba loads first).
"""

from streamer.compiled.decorator import (
    Kernel,
    Loaded,
    borrowing,
    compiled,
    loaded,
    tell_compilations,
)
from streamer.compiled.processor import compile_for

__all__ = [
    "Kernel",
    "Loaded",
    "borrowing",
    "compile_for",
    "compiled",
    "loaded",
    "tell_compilations",
]
