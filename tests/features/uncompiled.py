"""Loops as their Python, those that they call as well."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from unittest.mock import patch

__all__ = ["uncompiled"]


@contextmanager
def uncompiled(*modules: ModuleType) -> Iterator[None]:
    """Have every loop of ``modules`` run as its Python."""
    kernels = {
        module: {n: k.py_func for n, k in vars(module).items() if hasattr(k, "py_func")}
        for module in modules
    }
    patches = [patch.multiple(module, **found) for module, found in kernels.items() if found]
    for each in patches:
        each.start()
    try:
        yield
    finally:
        for each in patches:
            each.stop()
