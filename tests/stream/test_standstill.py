"""A worker that stood still for longer than its session ends before it publishes anything."""

from __future__ import annotations

import asyncio
import time

import pytest

from streamer.errors import FencedError
from streamer.stream.standstill import Standstill
from tests.stream.conftest import MakeService
from tests.stream.harness import payments, wait_until

SESSION_S = 6.0


def test_a_pause_within_the_session_is_nothing_and_a_longer_one_is_told_once() -> None:
    """Session 6 s: 6 s of silence pass, 7 s do not, and the next question starts anew."""
    now = 100.0

    async def run() -> None:
        nonlocal now
        standstill = Standstill(SESSION_S, lambda: now)
        now = 1_000.0
        standstill.check()  # nobody watches yet
        watching = asyncio.create_task(standstill.watch())
        await asyncio.sleep(0)
        now += 6.0
        standstill.check()
        now += 7.0
        with pytest.raises(FencedError, match=r"session of 6 s .* got 7 s"):
            standstill.check()
        standstill.check()
        watching.cancel()

    asyncio.run(run())


def test_a_worker_that_wakes_up_after_its_session_exits_and_publishes_nothing(
    make_service: MakeService,
) -> None:
    """Payments that came while it was stopped are left to the next worker."""
    service = make_service()
    worker = service.worker().wait_ready()
    service.produce(payments(900))
    service.wait_consumed()
    worker.pause()
    stopped_at = time.monotonic()
    service.produce(payments(300))
    wait_until(lambda: time.monotonic() - stopped_at > SESSION_S + 1.5, worker.log)
    worker.resume()
    assert worker.child.wait(30) == 1
    # No orderly shutdown, which would hand queued alerts to Kafka: it ends with this, or with what
    # another thread says at the same moment, having woken up as late.
    assert any("worker ends at once" in line for line in worker.log().splitlines()[-3:])
    assert "must not stand still" in worker.log()
    service.worker().wait_ready()
    service.wait_consumed()
    service.assert_exact()
