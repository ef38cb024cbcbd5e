"""Loops over arrays that are compiled: the decorator, and a cache that can be trusted.

Knows nothing of what is computed.  Importing it loads numba, for 0.3 s.

Reading order: `decorator` (what a kernel is), `processor` (for which machine), `cache` (what is kept
of a compilation), `sources` (what makes it void), `folders` (where it lies, and which are refused).
"""

from streamer.compiled.decorator import Kernel, Loaded, compiled, loaded, tell_compilations

__all__ = ["Kernel", "Loaded", "compiled", "loaded", "tell_compilations"]
