"""Asks a server and measures: ``python -m load.asking PLAN``, a process of its own.

Closed loop: each connection asks again once it was answered, which tells what can be answered.
Open loop: requests are due at a fixed rate, whether others were answered or not, and each is measured
from when it was due.  So a server that stands still for a second is seen by all who came meanwhile.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, Literal

import msgspec
import uvloop

from load.answer_times import Asked, Tally, due_by, due_s
from load.connections import AskOverGRPC, AskOverHTTP, Done

__all__ = ["Plan", "carry_out"]

Ask = Callable[[bytes, Done], None]

_TELL_S: Final = 1.0
_GRACE_S: Final = 5.0
# uvloop counts in milliseconds: it would spin through less than half of one, on a processor that the
# server needs.  What is due meanwhile is sent late, by up to as much, which is measured with the rest.
_TICK_S: Final = 0.001


class Plan(msgspec.Struct, frozen=True):
    """Whom to ask, what and how.

    ``bodies_file`` holds the requests, a msgpack list; ``n_payments`` are in each.  ``per_second``
    makes it an open loop, of requests; without it ``connections`` ask as fast as they are answered.
    What is asked in the first ``warm_s`` is not counted.
    """

    door: Literal["http", "grpc"]
    port: int
    path: str
    bodies_file: str
    n_payments: int
    connections: int
    seconds: float
    per_second: float | None = None
    warm_s: float = 1.0
    deadline_s: float = 1.0


async def carry_out(plan: Plan, bodies: Sequence[bytes]) -> Asked:
    """Ask as ``plan`` says, ``bodies`` in turn, and return what came of it."""
    asking: AskOverHTTP | AskOverGRPC
    if plan.door == "http":
        asking = AskOverHTTP(plan.port, plan.path)
    else:
        asking = AskOverGRPC(plan.port, plan.path)
    requests = [asking.request(body) for body in bodies]
    tally = Tally(plan.n_payments, plan.deadline_s)
    loop = _closed if plan.per_second is None else _open
    telling = asyncio.ensure_future(_tell(tally))
    try:
        seconds, cpu_s = await loop(plan, asking.ask, requests, tally)
    finally:
        telling.cancel()
        await asking.close()
    return tally.result(seconds, cpu_s / seconds)


async def _closed(
    plan: Plan, ask: Ask, requests: Sequence[bytes], tally: Tally
) -> tuple[float, float]:
    clock, numbers = time.perf_counter, itertools.count()
    started = clock() + plan.warm_s
    ends = started + plan.seconds
    n_asking, is_over, cpu_at_start = plan.connections, asyncio.Event(), 0.0

    def again() -> None:
        nonlocal n_asking
        asked = clock()
        if asked < ends:
            ask(requests[next(numbers) % len(requests)], partial(done, asked))
            return
        n_asking -= 1
        if not n_asking:
            is_over.set()

    def done(asked: float, status: int) -> None:
        nonlocal cpu_at_start
        if asked >= started:
            cpu_at_start = cpu_at_start or time.process_time()
            tally.note(status, clock() - asked)
        # Not within the answer: the connection is not free before that.
        loop.call_soon(again)

    loop = asyncio.get_running_loop()
    for _ in range(plan.connections):
        again()
    await is_over.wait()
    return clock() - started, time.process_time() - cpu_at_start


async def _open(
    plan: Plan, ask: Ask, requests: Sequence[bytes], tally: Tally
) -> tuple[float, float]:
    assert plan.per_second is not None  # noqa: S101 - this is the open loop
    clock, rate = time.perf_counter, plan.per_second
    first = clock()
    n_warm = round(plan.warm_s * rate)
    n_all = n_warm + round(plan.seconds * rate)
    n_done, is_over, cpu_at_start = 0, asyncio.Event(), 0.0

    def done(number: int, status: int) -> None:
        nonlocal n_done
        n_done += 1
        if number >= n_warm:
            tally.note(status, clock() - first - due_s(number, rate))
        if n_done == n_all:
            is_over.set()

    number = 0
    while number < n_all:
        until = min(due_by(clock() - first, rate), n_all)
        for each in range(number, until):
            if each == n_warm:
                cpu_at_start = time.process_time()
            ask(requests[each % len(requests)], partial(done, each))
        number = until
        await asyncio.sleep(max(first + due_s(number, rate) - clock(), _TICK_S))
    cpu_s = time.process_time() - cpu_at_start
    with suppress(TimeoutError):
        async with asyncio.timeout(plan.deadline_s + _GRACE_S):
            await is_over.wait()
    for _ in range(n_all - n_done):
        tally.note(0, math.inf)
    return plan.seconds, cpu_s


async def _tell(tally: Tally) -> None:
    """Write how far it is, once a second."""
    before = 0
    while True:
        await asyncio.sleep(_TELL_S)
        n = len(tally.answered_s)
        refused = sum(tally.n_refused.values())
        sys.stderr.write(f"{(n - before) * tally.n_payments} answers, {refused} refused so far\n")
        sys.stderr.flush()
        before = n


def main() -> None:
    """Carry out the plan of the first argument and write what came of it, as JSON."""
    plan = msgspec.json.decode(sys.argv[1].encode(), type=Plan)
    packed = Path(plan.bodies_file).read_bytes()
    bodies = msgspec.msgpack.decode(packed, type=list[bytes])
    sys.stdout.write(msgspec.json.encode(uvloop.run(carry_out(plan, bodies))).decode())


if __name__ == "__main__":
    main()
