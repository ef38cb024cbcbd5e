"""A deterministic event loop: virtual time, and processes that can be killed or frozen.

Every callback belongs to a process, or to the world around them, by its context.  A killed process's
callbacks never run again, not even its ``finally`` blocks: that is what ``kill -9`` does.  A frozen
one's wait until it is thawed, and find that time has passed.

Invariant: what runs, and when, follows from the calls alone; no clock, thread or socket is used.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from inspect import CORO_CREATED, getcoroutinestate
from itertools import count
from typing import Any, Final

__all__ = ["OPERATOR", "Process", "SimulationLoop", "StalledError"]

_process: ContextVar[Process | None] = ContextVar("simulated process", default=None)

OPERATOR: Final = "operator"
"""The name of the process that is a person with a shell."""

# More than any seed takes; a loop that spins without time passing would never end.
_MAX_STEPS: Final = 500_000


class StalledError(Exception):
    """Nothing is left to run, or time is up, and the simulation is not over."""


class Process:
    """What lives and dies together."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_alive = True
        self.is_frozen = False
        self.is_cut_off = False
        """Whether it runs and cannot reach Kafka."""
        self.is_isolated = False
        """Whether it cannot reach Redis either."""
        self.stopped_at = 0.0
        self.thawed_at = 0.0
        self.held: list[_Handle] = []
        self.tasks: list[asyncio.Task[Any]] = []

    @property
    def is_running(self) -> bool:
        return self.is_alive and not self.is_frozen


class _Handle:
    """What is to be called; asyncio's own takes as long to make as to call."""

    __slots__ = ("args", "callback", "context", "is_cancelled", "process")

    def __init__(
        self, callback: Callable[..., Any], args: tuple[Any, ...], context: Context | None
    ) -> None:
        self.callback = callback
        self.args = args
        self.context = copy_context() if context is None else context
        self.process = self.context.get(_process)
        self.is_cancelled = False

    def cancel(self) -> None:
        """Passed over when it comes up."""
        self.is_cancelled = True

    def cancelled(self) -> bool:
        return self.is_cancelled


class SimulationLoop(asyncio.AbstractEventLoop):
    """Runs callbacks in the order of their virtual times."""

    def __init__(self, executor_delay: Callable[[], float]) -> None:
        """``executor_delay`` is how long the next call in a thread takes, in seconds."""
        self._executor_delay = executor_delay
        self._now = 0.0
        self._ready: deque[_Handle] = deque()
        self._timers: list[tuple[float, int, _Handle]] = []
        self._sequence = count()
        self._world = Context()
        self._processes: list[Process] = []
        self._guarded: list[Coroutine[Any, Any, None]] = []
        self.is_over = False
        self.n_steps = 0

    def time(self) -> float:
        return self._now

    @property
    def running(self) -> str:
        """The name of the process that runs now."""
        process = _process.get()
        return "world" if process is None else process.name

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_soon(
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> _Handle:  # type: ignore[override]
        handle = _Handle(callback, args, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self,
        delay: float,
        callback: Callable[..., Any],
        *args: Any,
        context: Context | None = None,
    ) -> _Handle:  # type: ignore[override]
        handle = _Handle(callback, args, context)
        heapq.heappush(self._timers, (self._now + delay, next(self._sequence), handle))
        return handle

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> _Handle:  # type: ignore[override]
        return self.call_later(when - self._now, callback, *args, context=context)

    def in_world(self, delay: float, callback: Callable[..., Any], *args: Any) -> None:
        """Call ``callback`` after ``delay`` whatever happens to the process that asks for it."""
        self.call_later(delay, callback, *args, context=self._world)

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Coroutine[Any, Any, Any],
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name, context=context)
        if (process := _process.get()) is not None:
            process.tasks.append(task)
        return task

    def guard(self, work: Coroutine[Any, Any, None]) -> None:
        """Note work that a task awaits which may end before it has begun."""
        self._guarded.append(work)

    def spawn(self, process: Process, work: Coroutine[Any, Any, Any]) -> None:
        """Run ``work`` as a part of ``process``."""
        if process not in self._processes:
            self._processes.append(process)
        context = copy_context()
        context.run(_process.set, process)
        context.run(self.create_task, work, context=context)

    def run_in_executor(
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Call ``func`` here, after as long as a thread might take."""
        future = self.create_future()

        def call() -> None:
            if future.cancelled():
                return
            try:
                future.set_result(func(*args))
            except Exception as error:
                future.set_exception(error)

        self.call_later(self._executor_delay(), call)
        return future

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """A task that was killed has nobody left to hear of what it raised."""

    def kill(self, process: Process) -> None:
        """End a process between two of its steps."""
        process.is_alive = False
        process.stopped_at = self._now
        process.held.clear()

    def freeze(self, process: Process) -> None:
        """Stop a process between two of its steps."""
        process.is_frozen = True
        process.stopped_at = self._now

    def thaw(self, process: Process) -> None:
        """Let a frozen process go on."""
        process.is_frozen = False
        process.thawed_at = self._now
        self._ready.extend(process.held)
        process.held.clear()

    def run(self, within_s: float) -> None:
        """Run until ``is_over``; StalledError when that takes more than ``within_s``."""
        asyncio._set_running_loop(self)
        try:
            while not self.is_over:
                self._step(within_s)
        finally:
            asyncio._set_running_loop(None)

    def _step(self, within_s: float) -> None:
        self.n_steps += 1
        if not self._ready:
            if not self._timers or self._timers[0][0] > within_s:
                raise StalledError(f"the simulation must be over within {within_s:g} s")
            self._now = max(self._now, self._timers[0][0])
            while self._timers and self._timers[0][0] <= self._now:
                self._ready.append(heapq.heappop(self._timers)[2])
        if self.n_steps > _MAX_STEPS:
            raise StalledError(f"the simulation must be over within {_MAX_STEPS} steps")
        handle = self._ready.popleft()
        if handle.is_cancelled:
            return
        process = handle.process
        if process is not None and not process.is_running:
            if process.is_alive:
                process.held.append(handle)
            return
        handle.context.run(handle.callback, *handle.args)

    def close(self) -> None:
        """Let go of what killed processes were in the middle of; nothing of it runs any more."""
        self._ready.clear()
        self._timers.clear()
        for process in self._processes:
            for task in process.tasks:
                task._log_destroy_pending = False
                if not task.done():
                    _abandon(task)
        for work in self._guarded:
            if getcoroutinestate(work) == CORO_CREATED:
                work.close()


def _abandon(task: asyncio.Task[Any]) -> None:
    try:
        task.get_coro().close()
    except RuntimeError:
        # It awaited something while it was being closed: there is nobody left to answer.
        return
