"""``@compiled``: a plain loop over arrays, compiled by numba where it stands.

The loop is the definition.  Its text is Python, `Kernel.py_func` runs it as Python, and the compiled
form gives the same bits, for nothing is reassociated or fused, as long as the text keeps to
+ - * / and `math`: exp, exp2, expm1, log, log1p, sqrt, sin, cos, asin, atan2, floor.  Those of numpy
differ in the last bit, as do ``**`` (write ``x * x``, and ``math.exp2(x)``) and ``math.hypot``.

Other things are never the same.  Indices are not checked, so one beyond the end reads or writes
somebody else's memory instead of raising.  Whole numbers have 64 bits, and no sum or product of signed
ones may need more: they are compiled as if none did, so that one which does need not even wrap.  A
division by zero gives an infinity, and so it does in Python where one of the two comes out of an array,
with numpy's warning.

A call from Python costs by its arguments: an array a tenth of a microsecond, and twice that within a
named tuple, which costs another half (docs/decisions/0034).  So what a payment calls by itself takes
arrays one by one, and names them together inside, where that costs nothing.

With NUMBA_DISABLE_JIT=1 every kernel is its Python.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, ParamSpec, Protocol, TypeVar, cast

import numba
from numba.core import config, event

from streamer.compiled.cache import KernelCache
from streamer.compiled.processor import baselines, compile_for
from streamer.compiled.sources import package_of

__all__ = ["Kernel", "Loaded", "borrowing", "compiled", "loaded", "tell_compilations"]

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)

_OPTIONS: Final[dict[str, Any]] = {
    # A kernel touches arrays alone, so other threads may run: the event loop's, beside a batch.
    "nogil": True,
    # Python's would put a test and a branch before each division, and such a loop is not vectorised.
    "error_model": "numpy",
    # Sums are added in the order of the text, or a payment's score would depend on its neighbours.
    "fastmath": False,
    "boundscheck": False,
    # The form that C would call, which nobody does: a tenth of the time that compiling takes.
    "no_cfunc_wrapper": True,
}
# Every kernel of the modules that were imported.
_KERNELS: Final[list[Any]] = []


class Kernel(Protocol[P, R_co]):
    """A compiled function, called like the one that it was made from."""

    @property
    def py_func(self) -> Callable[P, R_co]:
        """The function as it was written; kernels that it calls are compiled all the same."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Run it; the first call with arguments of other types compiles it for them, or loads it."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What this process has of its kernels, each counted once per combination of types."""

    compiled: int
    from_cache: int
    faults: tuple[str, ...]
    """Folders that are not used as caches, and why; one line each."""


def compiled(function: Callable[P, R_co]) -> Kernel[P, R_co]:
    """Compile a function of a module, over arrays and numbers; used bare.

    It is compiled anew by each process if its module is in no package, as a test is, and if it stands
    within a function: two of these may have one name and differ in what they enclose.
    """
    return _kernel(function, _OPTIONS)


def borrowing(function: Callable[P, R_co]) -> Kernel[P, R_co]:
    """Compile as `compiled` does a function that makes no array: it borrows those that it is given.

    So it counts no references to them.  Where many small functions hand arrays on for every few bytes,
    counting takes longer than the work.
    """
    return _kernel(function, _OPTIONS | {"_nrt": False})


def _kernel(function: Callable[P, R_co], options: dict[str, Any]) -> Kernel[P, R_co]:
    kernel: Any = numba.njit(**options)(function)
    if config.DISABLE_JIT:
        # It is the function itself, and is asked for its Python in the same way.
        kernel.py_func = function
    else:
        package = package_of(Path(kernel.__code__.co_filename))
        if package is not None and "<locals>" not in kernel.__qualname__:
            # What numba's own `enable_caching` does, with another cache.
            kernel._cache = KernelCache(kernel.py_func, package)
        _KERNELS.append(kernel)
    return cast("Kernel[P, R_co]", kernel)


def loaded() -> Loaded:
    """Return what has been compiled and loaded so far."""
    stats = [kernel.stats for kernel in _KERNELS]
    caches = [kernel._cache for kernel in _KERNELS if isinstance(kernel._cache, KernelCache)]
    return Loaded(
        compiled=sum(sum(each.cache_misses.values()) for each in stats),
        from_cache=sum(sum(each.cache_hits.values()) for each in stats),
        faults=tuple(sorted({fault for cache in caches for fault in cache.faults})),
    )


def tell_compilations(tell: Callable[[str, str], None]) -> None:
    """Have ``tell`` called from now on with name and types of each kernel that is compiled."""
    event.register("numba:compile", _Listener(tell))


class _Listener(event.Listener):  # type: ignore[misc]
    def __init__(self, tell: Callable[[str, str], None]) -> None:
        self._tell = tell

    def on_start(self, event: Any) -> None:
        function = event.data["dispatcher"].py_func
        types = ", ".join(map(str, event.data["args"]))
        self._tell(f"{function.__module__}.{function.__qualname__}", types)

    def on_end(self, event: Any) -> None:
        pass


compile_for(baselines()[0])
