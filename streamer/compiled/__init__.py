"""Loops over arrays that are compiled: the decorator, and what numba's cache needs to be trusted.

Reading order: `streamer.compiled.decorator`.
"""

from streamer.compiled.decorator import Kernel, compiled

__all__ = ["Kernel", "compiled"]
