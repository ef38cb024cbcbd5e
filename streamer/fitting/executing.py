"""Who computes: this process, or machines (`on_ray`).  What comes out is the same.

A *handle* is what stands for a result: the result itself here, a reference elsewhere.  Handles may be
arguments of further work, which then goes to where they lie; `Executor.got` brings them here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol, TypeVar

__all__ = ["HERE", "Executor"]

_T = TypeVar("_T")
_R = TypeVar("_R")


class Executor(Protocol):
    """Runs functions and holds workers; everything comes back in the order in which it was asked."""

    @property
    def n_workers(self) -> int:
        """How many workers are of use."""

    def map(
        self, function: Callable[[_T, Any], _R], items: Sequence[_T], shared: Any
    ) -> Iterator[_R]:
        """Yield ``function(item, shared)`` for each of ``items``."""

    def parts(
        self,
        function: Callable[[_T, Any], tuple[Any, ...]],
        items: Sequence[_T],
        shared: Any,
        n: int,
    ) -> list[list[Any]]:
        """Return the handles of the ``n`` parts that ``function(item, shared)`` returns, by item."""

    def worker(self, kind: Callable[..., Any], *arguments: Any) -> Any:
        """Return a worker, made of ``arguments``, of which `ask` is answered."""

    def ask(self, worker: Any, method: str, *arguments: Any) -> Any:
        """Return a handle of what ``worker`` answers, who is asked one thing after the other."""

    def got(self, handles: Sequence[Any]) -> list[Any]:
        """Return the results."""


class _Here:
    n_workers = 1

    def map(
        self, function: Callable[[_T, Any], _R], items: Sequence[_T], shared: Any
    ) -> Iterator[_R]:
        return (function(item, shared) for item in items)

    def parts(
        self,
        function: Callable[[_T, Any], tuple[Any, ...]],
        items: Sequence[_T],
        shared: Any,
        n: int,
    ) -> list[list[Any]]:
        del n
        return [list(function(item, shared)) for item in items]

    def worker(self, kind: Callable[..., Any], *arguments: Any) -> Any:
        return kind(*arguments)

    def ask(self, worker: Any, method: str, *arguments: Any) -> Any:
        return getattr(worker, method)(*arguments)

    def got(self, handles: Sequence[Any]) -> list[Any]:
        return list(handles)


HERE: Final[Executor] = _Here()
"""This process."""
