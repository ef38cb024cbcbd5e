"""What the product asks of its compiled loops, asked of their Python: the same bits come out."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from numba import config
from numba.core.dispatcher import Dispatcher

from streamer.starting.rehearsal import rehearse

# Of calls with so much memory a few of each kernel are kept: all of them would be 18 GB.
_LARGE = 2_000_000
_MOST_LARGE = 40


@dataclass(frozen=True)
class Call:
    """One call from Python: what the kernel got, what of that it left changed, what it returned."""

    kernel: Any
    given: tuple[Any, ...]
    left: tuple[Any, ...]
    returned: Any


def all_kernels() -> set[Any]:
    """Return every kernel of the modules that are imported."""
    return {
        kernel
        for name, module in list(sys.modules.items())
        if name.startswith("streamer.")
        for kernel in vars(module).values()
        if isinstance(kernel, Dispatcher)
    }


def names(found: set[Any]) -> set[str]:
    return {f"{kernel.__module__}.{kernel.__qualname__}" for kernel in found}


@contextmanager
def replaced(by: Callable[[Any], Callable[..., Any]]) -> Iterator[None]:
    """Have whatever a module of the product calls a kernel mean something else."""
    stand_ins = {kernel: by(kernel) for kernel in all_kernels()}
    with ExitStack() as stack:
        for name, module in list(sys.modules.items()):
            if name.startswith("streamer."):
                found = {n: k for n, k in vars(module).items() if isinstance(k, Dispatcher)}
                stand_in = {n: stand_ins[k] for n, k in found.items()}
                stack.enter_context(patch.dict(vars(module), stand_in))
        yield


def copied(value: Any, roots: dict[int, Any] | None = None) -> Any:
    """Return a copy of arguments in which what shares memory goes on doing so."""
    roots = {} if roots is None else roots
    if isinstance(value, tuple):
        parts = [copied(each, roots) for each in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if not isinstance(value, np.ndarray):
        return value
    root = value
    while isinstance(root.base, np.ndarray):
        root = root.base
    fresh = roots.setdefault(id(root), root.copy("K"))
    offset = value.__array_interface__["data"][0] - root.__array_interface__["data"][0]
    return np.ndarray(value.shape, value.dtype, fresh, offset, value.strides)


def recorded() -> list[Call]:
    """Return every call of a rehearsal; those of kernels by kernels are part of their callers."""
    calls: list[Call] = []
    n_large: Counter[Any] = Counter()

    def recorder(kernel: Any) -> Callable[..., Any]:
        def record(*arguments: Any) -> Any:
            roots: dict[int, Any] = {}
            given = copied(arguments, roots)
            if sum(root.nbytes for root in roots.values()) > _LARGE:
                n_large[kernel] += 1
                if n_large[kernel] > _MOST_LARGE:
                    return kernel(*arguments)
            returned = kernel(*arguments)
            calls.append(Call(kernel, given, *copied((arguments, returned))))
            return returned

        # Who asks a kernel for its Python asks this one.
        record.py_func = kernel.py_func  # type: ignore[attr-defined]
        return record

    # Before they are replaced: what is compiled later would have the recorders in it.
    rehearse()
    with replaced(recorder):
        rehearse()
    return calls


def bits(value: Any) -> Any:
    """Return what two values have in common if each bit of them is the same, NaN and -0.0 too."""
    if isinstance(value, tuple):
        return [bits(each) for each in value]
    array = np.asarray(value)
    return array.shape, array.dtype, array.tobytes()


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="every kernel is its Python")
def test_every_kernel_leaves_and_returns_the_bits_of_its_python() -> None:
    """All of them, in one rehearsal; its Python calls nothing that is compiled."""
    calls, ran = recorded(), set()

    def plain(kernel: Any) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            ran.add(kernel)
            return kernel.py_func(*arguments)

        run.py_func = kernel.py_func  # type: ignore[attr-defined]
        return run

    differing = set()
    # As compiled: a division by zero gives an infinity, whole numbers wrap, and nobody is told.
    with replaced(plain), np.errstate(all="ignore"):
        for call in calls:
            given = copied(call.given)
            returned = plain(call.kernel)(*given)
            if bits((given, returned)) != bits((call.left, call.returned)):
                differing.add(call.kernel)
    assert names(differing) == set()
    # None escapes by being called from nowhere: what a kernel calls counts as well.
    assert names(all_kernels()) - names(ran) == set()
